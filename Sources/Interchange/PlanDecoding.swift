// A plan from its members: what PlanDocument.swift writes.

import JSONDocument
import RunModel
import UpdateModel

extension Plan {
    init(_ members: Members) throws(EventDecodingError) {
        let version: Int64 = try members.required("version", .integer)
        guard version == planVersion else { throw members.unknown("version", "\(version)") }
        self.init(
            policy: try members.required("policy", .string),
            hostName: try members.required("host", .string),
            runLimits: try members.list("run_limits", .string),
            steps: [],
            skipped: [],
            makespanSeconds: try members.required("makespan_seconds", .double),
            criticalPath: try members.list("critical_path", .step),
            fetch: try members.optional("fetch_bytes", .bytes),
            deviations: [])
        policyHash = try members.optional("policy_hash", .string)
        for step in try members.list("steps") { steps.append(try PlannedStep(step)) }
        for plugin in try members.list("skipped") { skipped.append(try SkippedPlugin(plugin)) }
        for deviation in try members.list("not_enforced") { deviations.append(try LimitDeviation(deviation)) }
        if let members = try members.optional("window") { window = try PlannedWindow(members) }
    }
}

extension PlannedWindow {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            allow: try members.list("allow", .string),
            finishBy: try members.optional("finish_by", .bool) ?? false,
            opens: try members.optional("opens").map { members throws(EventDecodingError) in try Edge(members) },
            closes: try members.optional("closes").map { members throws(EventDecodingError) in try Edge(members) })
        putOff = try members.list("put_off", .step)
        overrunning = try members.list("overrunning", .step)
    }
}

extension PlannedWindow.Edge {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            timestamp: try members.required("timestamp", .timestamp), local: try members.required("local", .string))
    }
}

extension PlannedStep {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            id: try members.required("id", .step),
            after: try members.list("after", .step),
            mutexes: try members.list("mutexes", .string),
            demand: try Demand(try members.required("demand")),
            limits: try members.limits(),
            runAs: try members.required("run_as", .string),
            isProtected: try members.optional("protected", .bool) ?? false,
            startSeconds: try members.required("start_seconds", .double),
            durationSeconds: try members.required("duration_seconds", .double),
            durationIsKnown: try members.optional("duration_is_known", .bool) ?? true,
            wave: try members.required("wave", .count),
            waitsFor: try members.optional("waits_for", .string),
            hook: try members.optional("hook", .word))
    }
}

extension Demand {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            cpus: try members.optional("cpus", .double),
            memory: try members.optional("memory_bytes", .bytes),
            downloads: try members.optional("downloads", .count) ?? 0,
            cpusSource: try members.optional("cpus_source", .word),
            memorySource: try members.optional("memory_source", .word))
    }
}

extension SkippedPlugin {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            plugin: try members.required("plugin", .plugin),
            outcome: try members.required("outcome", .word),
            reason: try members.required("reason", .string))
    }
}

/// Reads a plan that `appendLine(of:to:)` wrote. Keys may come in any order; unknown ones are ignored.
/// - Throws: with line and column, where the text is no plan, or one of a newer program.
public func readPlan(_ bytes: [UInt8]) throws(JSONError) -> Plan {
    var reader = JSONReader(bytes)
    let value = try reader.readLocatedValue()
    try reader.finish()
    do throws(EventDecodingError) {
        return try Plan(try Members(of: value, in: bytes))
    } catch {
        throw error.error
    }
}
