// A plan as other programs read it (docs/contract.md, "plan --format json").

import JSONDocument
import RunModel
import UpdateModel

/// The version of the plan's form; a change that an old reader would misread raises it.
let planVersion: Int64 = 1

/// Appends the plan as one line.
public func appendLine(of plan: Plan, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.writeMembers(of: plan)
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

extension JSONWriter {
    mutating func writeMembers(of plan: Plan) {
        write("version", planVersion)
        write("policy", plan.policy)
        writeIfPresent("policy_hash", plan.policyHash)
        write("host", plan.hostName)
        if !plan.runLimits.isEmpty { write("run_limits", plan.runLimits) }
        writeIfPresent("fetch_bytes", plan.fetch?.bytes)
        write("makespan_seconds", plan.makespanSeconds)
        write("critical_path", plan.criticalPath.map(\.description))
        key("steps")
        beginArray()
        for step in plan.steps { write(step) }
        endArray()
        key("skipped")
        beginArray()
        for skipped in plan.skipped {
            beginObject()
            write("plugin", skipped.plugin.rawValue)
            write("outcome", skipped.outcome.rawValue)
            write("reason", skipped.reason)
            endObject()
        }
        endArray()
        if !plan.deviations.isEmpty { write(notEnforced: plan.deviations) }
        if let window = plan.window { write(window) }
    }

    private mutating func write(_ window: PlannedWindow) {
        key("window")
        beginObject()
        write("allow", window.allow)
        if window.finishBy { write("finish_by", true) }
        writeIfPresent("opens", window.opens)
        writeIfPresent("closes", window.closes)
        if !window.putOff.isEmpty { write("put_off", window.putOff.map(\.description)) }
        if !window.overrunning.isEmpty { write("overrunning", window.overrunning.map(\.description)) }
        endObject()
    }

    private mutating func writeIfPresent(_ name: String, _ edge: PlannedWindow.Edge?) {
        guard let edge else { return }
        key(name)
        beginObject()
        write("timestamp", edge.timestamp.rfc3339)
        write("local", edge.local)
        endObject()
    }

    private mutating func write(notEnforced deviations: [LimitDeviation]) {
        key("not_enforced")
        beginArray()
        for deviation in deviations {
            beginObject()
            writeMembers(of: deviation)
            endObject()
        }
        endArray()
    }

    private mutating func write(_ step: PlannedStep) {
        beginObject()
        write("id", step.id.description)
        write("plugin", step.id.plugin.rawValue)
        write("phase", step.id.phase.rawValue)
        writeIfPresent("hook", step.hook?.rawValue)
        write("after", step.after.map(\.description))
        write("mutexes", step.mutexes)
        key("demand")
        beginObject()
        writeIfPresent("cpus", step.demand.cpus)
        writeIfPresent("cpus_source", step.demand.cpusSource?.rawValue)
        writeIfPresent("memory_bytes", step.demand.memory?.bytes)
        writeIfPresent("memory_source", step.demand.memorySource?.rawValue)
        write("downloads", Int64(step.demand.downloads))
        endObject()
        write("limits", step.limits)
        write("run_as", step.runAs)
        if step.isProtected { write("protected", true) }
        write("start_seconds", step.startSeconds)
        write("duration_seconds", step.durationSeconds)
        if !step.durationIsKnown { write("duration_is_known", false) }
        write("wave", Int64(step.wave))
        writeIfPresent("waits_for", step.waitsFor)
        endObject()
    }
}
