// The bodies of events from their members: what EventMembers.swift writes.

import JSONDocument
import RunModel
import UpdateModel

extension RunStart {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            version: try members.required("version", .string),
            host: try members.required("host", .string),
            user: try members.required("user", .string),
            policy: try members.required("policy", .string),
            policyHash: try members.required("policy_hash", .string),
            plugins: try members.list("plugins", .plugin),
            enforcement: try members.required("enforcement", .word))
    }
}

extension PhaseStart {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            phase: try members.required("phase", .word),
            cgroup: try members.optional("cgroup", .string),
            limits: try members.limits(),
            runAs: try members.required("run_as", .string),
            capabilities: try members.list("capabilities", .string),
            isProtected: try members.optional("protected", .bool) ?? false)
    }
}

extension OutputLines {
    init(_ members: Members) throws(EventDecodingError) {
        let line = try members.required("line", .outputLine)
        self.init(
            phase: try members.required("phase", .word),
            stream: try members.required("stream", .word),
            bytes: line,
            ends: [Int32(line.count)],
            partial: try members.optional("partial", .bool) ?? false ? [0] : [])
    }
}

extension Throttle {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            state: try members.required("state", .word), share: Fraction(try members.required("share", .double)),
            cause: try members.required("cause", .string))
    }
}

extension Intervention {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(try members.required("action", .word), by: try members.optional("user", .string))
        for change in try members.list("changes") {
            changes.append(
                Change(
                    key: try change.required("key", .string), value: try change.required("value", .string),
                    previous: try change.optional("previous", .string)))
        }
    }
}

extension Progress {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(phase: try members.required("phase", .word))
        percent = try members.optional("percent", .double)
        message = try members.optional("message", .string)
        bytesDownloaded = try members.optional("bytes_downloaded", .bytes)
        bytesTotal = try members.optional("bytes_total", .bytes)
        itemsCompleted = try members.optional("items_completed", .integer)
        itemsTotal = try members.optional("items_total", .integer)
    }
}

extension Dropped {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            phase: try members.required("phase", .word),
            count: try members.required("count", .count),
            firstSeq: try members.required("first_seq", .count),
            lastSeq: try members.required("last_seq", .count))
    }
}

extension UpdateResult {
    init(_ members: Members) throws(EventDecodingError) {
        self.init()
        for package in try members.list("packages") {
            packages.append(
                UpdatedPackage(
                    name: try package.required("name", .string), from: try package.optional("from", .string),
                    to: try package.optional("to", .string)))
        }
        packagesUpdated = try members.required("packages_updated", .integer)
        held = try members.list("held", .string)
        restart = try members.list("restart", .string)
        rebootRequired = try members.optional("reboot_required", .bool) ?? false
    }
}

extension LimitDeviation {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            control: try members.required("control", .string),
            requested: try members.required("requested", .string),
            effective: try members.optional("effective", .string),
            reason: try members.required("reason", .string))
    }
}

extension Stopping {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            phase: try members.required("phase", .word),
            cause: try StopCause(members),
            signal: try members.optional("signal", .integer),
            killAfter: try members.optional("kill_after_seconds", .seconds))
    }
}

extension StopCause {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        let name: StopCauseName = try members.required("cause", .word)
        switch name {
        case .cancelled: self = .cancelled(signal: try members.required("cause_signal", .integer))
        case .timedOut: self = .timedOut(after: try members.required("timeout_seconds", .seconds))
        case .logFailed: self = .logFailed
        }
    }
}

extension PhaseEnd {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            phase: try members.required("phase", .word),
            outcome: try members.required("outcome", .word),
            exitCode: try members.optional("exit_code", .integer),
            signal: try members.optional("signal", .integer),
            error: try members.optional("error", .string),
            metrics: try Metrics(ifPresent: try members.optional("metrics")))
    }
}

extension Completion {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            outcome: try members.required("outcome", .word),
            exitCode: try members.optional("exit_code", .integer),
            packagesUpdated: try members.required("packages_updated", .integer),
            error: try members.optional("error", .string))
    }
}

extension RunEnd {
    init(_ members: Members) throws(EventDecodingError) {
        let counts = try members.required("counts")
        var counted: [Outcome: Int] = [:]
        for outcome in Outcome.allCases {
            if let count: Int = try counts.optional(outcome.rawValue, .count) { counted[outcome] = count }
        }
        self.init(
            success: try members.required("success", .bool), counts: counted,
            metrics: try Metrics(try members.required("metrics")))
    }
}

extension Metrics {
    fileprivate init?(ifPresent members: Members?) throws(EventDecodingError) {
        guard let members else { return nil }
        try self.init(members)
    }

    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(wallSeconds: try members.required("wall_seconds", .double))
        cpuUserSeconds = try members.optional("cpu_user_seconds", .double)
        cpuSystemSeconds = try members.optional("cpu_system_seconds", .double)
        memoryPeak = try members.optional("memory_peak_bytes", .bytes)
        ioRead = try members.optional("io_read_bytes", .bytes)
        ioWritten = try members.optional("io_write_bytes", .bytes)
        pidsPeak = try members.optional("pids_peak", .integer)
        oomKills = try members.optional("oom_kills", .integer)
        throttledSeconds = try members.optional("throttled_seconds", .double)
    }
}

extension Members {
    /// Control file → value, with each line of a value a write of its own.
    func limits() throws(EventDecodingError) -> [ControlWrite] {
        guard let files = try optional("limits") else { return [] }
        var limits: [ControlWrite] = []
        for (file, value) in files.all {
            let lines = try files.read(value, of: file, .string)
            // As scalars: a carriage return and a line feed would be one character, which is not a line feed.
            for line in lines.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
                limits.append(ControlWrite(file: file, value: String(line)))
            }
        }
        return limits
    }
}
