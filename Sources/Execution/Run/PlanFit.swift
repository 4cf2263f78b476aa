// Whether a plan that was saved is still the one that would be made: `run --plan` follows it then, and only then.

import RunModel
import UpdateModel

extension Plan {
    /// What has changed since `saved` was made, a clause each; empty where this plan does the same in the same order
    /// with the same limits. What is expected of durations, and what there is to fetch, may differ: plugins estimate.
    func differences(from saved: Plan) -> [String] {
        var differences: [String] = []
        if hostName != saved.hostName {
            differences.append("it was made on \(saved.hostName), and this is \(hostName)")
        }
        if policy != saved.policy {
            differences.append("the policy was \(saved.policy), and is \(policy)")
        } else if policyHash != saved.policyHash {
            differences.append("the policy \(policy) says something else now, or --set does")
        }
        if runLimits != saved.runLimits {
            func list(_ limits: [String]) -> String { limits.isEmpty ? "none" : limits.joined(separator: ", ") }
            differences.append("the limits of the run were \(list(saved.runLimits)), and are \(list(runLimits))")
        }
        let now = Dictionary(steps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let then = Set(saved.steps.map(\.id))
        for step in saved.steps {
            guard let current = now[step.id] else {
                let reason =
                    skipped.first { $0.plugin == step.id.plugin }?.reason ?? "its plugin is gone, or has no such step"
                differences.append("\(step.id) is not to be done any more: \(reason)")
                continue
            }
            let changes = current.changes(since: step)
            if !changes.isEmpty { differences.append("\(step.id) has other \(changes.joined(separator: ", "))") }
        }
        for step in steps where !then.contains(step.id) { differences.append("\(step.id) was not in it") }
        if differences.isEmpty, steps.map(\.id) != saved.steps.map(\.id) {
            differences.append("the order of the steps is another")
        }
        return differences
    }
}

extension PlannedStep {
    /// What is different about a step, as plural nouns.
    fileprivate func changes(since saved: PlannedStep) -> [String] {
        var changes: [String] = []
        if Set(after) != Set(saved.after) { changes.append("predecessors") }
        if Set(mutexes) != Set(saved.mutexes) { changes.append("mutexes") }
        if !isSameSet(limits, saved.limits) { changes.append("limits") }
        if isProtected != saved.isProtected { changes.append("rules of ending") }
        if runAs != saved.runAs { changes.append("rights (\(runAs) instead of \(saved.runAs))") }
        return changes
    }

    /// The order of writes to different files is the program's own business, and not kept in a saved plan.
    private func isSameSet(_ left: [ControlWrite], _ right: [ControlWrite]) -> Bool {
        func lines(_ writes: [ControlWrite]) -> Set<String> {
            Set(writes.flatMap { write in write.value.split(separator: "\n").map { "\(write.file)=\($0)" } })
        }
        return lines(left) == lines(right)
    }
}
