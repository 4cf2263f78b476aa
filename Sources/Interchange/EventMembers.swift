// What each type of event says besides its type, run, number, time and plugin.

import JSONDocument
import RunModel
import UpdateModel

extension JSONWriter {
    mutating func writeMembers(of body: Event.Body) {
        switch body {
        case .runStart(let start): writeMembers(of: start)
        case .plan(let plan): writeMembers(of: plan)
        case .phaseStart(let start): writeMembers(of: start)
        case .output: preconditionFailure("output is written line by line")
        case .progress(let progress): writeMembers(of: progress)
        case .dropped(let dropped): writeMembers(of: dropped)
        case .result(let result): writeMembers(of: result)
        case .limit(let deviation): writeMembers(of: deviation)
        case .waiting(let phase, let reason, let limit):
            write("phase", phase.rawValue)
            write("for", reason.text)
            writeIfPresent("gives_up_after_seconds", limit?.inSeconds.toMicroseconds)
        case .throttle(let throttle): writeMembers(of: throttle)
        case .control(let intervention):
            write("action", intervention.action.rawValue)
            writeIfPresent("user", intervention.user)
            if !intervention.changes.isEmpty { write(intervention.changes) }
        case .stopping(let stopping): writeMembers(of: stopping)
        case .phaseEnd(let end): writeMembers(of: end)
        case .completion(let completion): writeMembers(of: completion)
        case .runEnd(let end): writeMembers(of: end)
        case .error(let text): write("error", text)
        }
    }

    private mutating func write(_ changes: [Intervention.Change]) {
        key("changes")
        beginArray()
        for change in changes {
            beginObject()
            write("key", change.key)
            write("value", change.value)
            writeIfPresent("previous", change.previous)
            endObject()
        }
        endArray()
    }

    mutating func writeMembers(of throttle: Throttle) {
        write("state", throttle.state.rawValue)
        write("share", throttle.share.value)
        write("cause", throttle.cause)
    }

    private mutating func writeMembers(of start: RunStart) {
        write("version", start.version)
        write("host", start.host)
        write("user", start.user)
        write("policy", start.policy)
        write("policy_hash", start.policyHash)
        write("plugins", start.plugins.map(\.rawValue))
        write("enforcement", start.enforcement.rawValue)
    }

    private mutating func writeMembers(of start: PhaseStart) {
        write("phase", start.phase.rawValue)
        writeIfPresent("cgroup", start.cgroup)
        write("limits", start.limits)
        write("run_as", start.runAs)
        write("capabilities", start.capabilities)
        if start.isProtected { write("protected", true) }
    }

    private mutating func writeMembers(of progress: Progress) {
        write("phase", progress.phase.rawValue)
        writeIfPresent("percent", progress.percent)
        writeIfPresent("message", progress.message)
        writeIfPresent("bytes_downloaded", progress.bytesDownloaded?.bytes)
        writeIfPresent("bytes_total", progress.bytesTotal?.bytes)
        writeIfPresent("items_completed", progress.itemsCompleted)
        writeIfPresent("items_total", progress.itemsTotal)
    }

    private mutating func writeMembers(of dropped: Dropped) {
        write("phase", dropped.phase.rawValue)
        write("count", Int64(dropped.count))
        key("first_seq")
        write(dropped.firstSeq)
        key("last_seq")
        write(dropped.lastSeq)
    }

    private mutating func writeMembers(of result: UpdateResult) {
        key("packages")
        beginArray()
        for package in result.packages {
            beginObject()
            write("name", package.name)
            writeIfPresent("from", package.from)
            writeIfPresent("to", package.to)
            endObject()
        }
        endArray()
        write("packages_updated", result.packagesUpdated)
        write("held", result.held)
        write("restart", result.restart)
        write("reboot_required", result.rebootRequired)
    }

    mutating func writeMembers(of deviation: LimitDeviation) {
        write("control", deviation.control)
        write("requested", deviation.requested)
        writeIfPresent("effective", deviation.effective)
        write("reason", deviation.reason)
    }

    private mutating func writeMembers(of stopping: Stopping) {
        write("phase", stopping.phase.rawValue)
        switch stopping.cause {
        case .cancelled(let signal):
            write("cause", StopCauseName.cancelled.rawValue)
            write("cause_signal", Int64(signal))
        case .timedOut(let timeout):
            write("cause", StopCauseName.timedOut.rawValue)
            write("timeout_seconds", timeout.inSeconds.toMicroseconds)
        case .logFailed:
            write("cause", StopCauseName.logFailed.rawValue)
        }
        writeIfPresent("signal", stopping.signal.map(Int64.init))
        writeIfPresent("kill_after_seconds", stopping.killAfter?.inSeconds.toMicroseconds)
    }

    private mutating func writeMembers(of end: PhaseEnd) {
        write("phase", end.phase.rawValue)
        write("success", end.outcome.isSuccess)
        write("outcome", end.outcome.rawValue)
        writeIfPresent("exit_code", end.exitCode.map(Int64.init))
        writeIfPresent("signal", end.signal.map(Int64.init))
        writeIfPresent("error", end.error)
        if let metrics = end.metrics { write("metrics", metrics) }
    }

    private mutating func writeMembers(of completion: Completion) {
        write("success", completion.outcome.isSuccess)
        writeIfPresent("exit_code", completion.exitCode.map(Int64.init))
        write("outcome", completion.outcome.rawValue)
        write("packages_updated", completion.packagesUpdated)
        writeIfPresent("error", completion.error)
    }

    private mutating func writeMembers(of end: RunEnd) {
        write("success", end.success)
        key("counts")
        beginObject()
        // In the order of the contract, since a dictionary has none.
        for outcome in Outcome.allCases {
            writeIfPresent(outcome.rawValue, end.counts[outcome].map(Int64.init))
        }
        endObject()
        write("wall_seconds", end.metrics.wallSeconds.toMicroseconds)
        write("metrics", end.metrics)
    }

    private mutating func write(_ key: String, _ metrics: Metrics) {
        self.key(key)
        beginObject()
        write("wall_seconds", metrics.wallSeconds.toMicroseconds)
        writeIfPresent("cpu_user_seconds", metrics.cpuUserSeconds?.toMicroseconds)
        writeIfPresent("cpu_system_seconds", metrics.cpuSystemSeconds?.toMicroseconds)
        writeIfPresent("memory_peak_bytes", metrics.memoryPeak?.bytes)
        writeIfPresent("io_read_bytes", metrics.ioRead?.bytes)
        writeIfPresent("io_write_bytes", metrics.ioWritten?.bytes)
        writeIfPresent("pids_peak", metrics.pidsPeak)
        writeIfPresent("oom_kills", metrics.oomKills)
        writeIfPresent("throttled_seconds", metrics.throttledSeconds?.toMicroseconds)
        endObject()
    }
}

/// What JSON calls the cases of `StopCause`.
enum StopCauseName: String {
    case cancelled
    case timedOut = "timed_out"
    case logFailed = "log_failed"
}

extension Double {
    /// Measured seconds, without the digits that only come of arithmetic; the kernel counts microseconds.
    fileprivate var toMicroseconds: Double { (self * 1e6).rounded() / 1e6 }
}
