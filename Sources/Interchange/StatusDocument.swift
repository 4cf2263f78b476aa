// The status of a run as JSON, for the control socket and for `status --format json`.

import JSONDocument
import RunModel

/// Appends what a run in progress is doing as one line.
public func appendLine(of status: RunStatus, to bytes: inout [UInt8]) {
    appendDocument(to: &bytes) { $0.writeMembers(of: status) }
}

/// Appends that no run is in progress, with the newest one, as one line.
/// - Parameter newest: `nil`: there is none.
public func appendLine(ofNewest newest: PastRun?, to bytes: inout [UInt8]) {
    appendDocument(to: &bytes) { writer in
        guard let newest else { return }
        writer.key("newest")
        writer.beginObject()
        writer.write("run", newest.run.rawValue)
        writer.writeIfPresent("start", newest.start?.rfc3339)
        if let end = newest.end {
            writer.write("success", end.success)
            writer.write("wall_seconds", end.metrics.wallSeconds)
        }
        if !newest.remarks.isEmpty { writer.write("remarks", newest.remarks) }
        writer.endObject()
    }
}

private func appendDocument(to bytes: inout [UInt8], _ members: (inout JSONWriter) -> Void) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.write("version", Int64(1))
    members(&writer)
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

extension JSONWriter {
    mutating func writeMembers(of status: RunStatus) {
        write("run", status.run.rawValue)
        write("program_version", status.version)
        write("pid", Int64(status.processID))
        write("user", status.user)
        write("start", status.start.rfc3339)
        write("policy", status.policy)
        write("state", status.state.rawValue)
        if let pause = status.pause {
            key("paused")
            beginObject()
            write("user", pause.user)
            write("seconds", pause.duration.inMicroseconds)
            endObject()
        }
        if let throttle = status.throttle {
            key("throttle")
            beginObject()
            writeMembers(of: throttle)
            endObject()
        }
        write("elapsed_seconds", status.elapsed.inMicroseconds)
        writeIfPresent("remaining_seconds", status.remaining?.inMicroseconds)
        key("steps")
        beginArray()
        for step in status.steps { write(step) }
        endArray()
    }

    private mutating func write(_ step: StepStatus) {
        beginObject()
        write("step", step.step.description)
        write("state", step.state.rawValue)
        if step.isProtected { write("protected", true) }
        writeIfPresent("seconds", step.duration?.inMicroseconds)
        writeIfPresent("percent", step.percent)
        writeIfPresent("after", step.after?.description)
        writeIfPresent("for", step.waitsFor?.text)
        writeIfPresent("outcome", step.outcome?.rawValue)
        endObject()
    }
}

extension Duration {
    /// Seconds, to the microsecond.
    fileprivate var inMicroseconds: Double { (inSeconds * 1e6).rounded() / 1e6 }
}

extension RunStatus {
    init(_ members: Members) throws(EventDecodingError) {
        self.init(
            run: try members.required("run", .run),
            version: try members.required("program_version", .string),
            processID: try members.required("pid", .integer),
            user: try members.required("user", .string),
            start: try members.required("start", .timestamp),
            policy: try members.required("policy", .string),
            state: try members.required("state", .word),
            elapsed: try members.required("elapsed_seconds", .seconds))
        if let paused = try members.optional("paused") {
            pause = Pause(
                user: try paused.required("user", .string), duration: try paused.required("seconds", .seconds))
        }
        if let members = try members.optional("throttle") { throttle = try Throttle(members) }
        remaining = try members.optional("remaining_seconds", .seconds)
        for step in try members.list("steps") { steps.append(try StepStatus(step)) }
    }
}

extension StepStatus {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            try members.required("step", .step), try members.required("state", .word),
            isProtected: try members.optional("protected", .bool) ?? false)
        duration = try members.optional("seconds", .seconds)
        percent = try members.optional("percent", .double)
        after = try members.optional("after", .step)
        waitsFor = try members.optional("for", .waitReason)
        outcome = try members.optional("outcome", .word)
    }
}
