// Other values of the policy for a run in progress, from the request to the reply.

import Interchange
import Policy
import UpdateModel

extension RunSession {
    /// Has the run go on under other values of its policy.
    /// - Returns: what came of it; `nil`: the control is told when the limits have been written.
    func setPolicy(_ settings: [String], by user: String) -> Result<[String], ControlReply.Refusal>? {
        guard let supervisor, received == nil else {
            let reason = "the run \(run) has no steps at the moment that a value of the policy could be for"
            return .failure(.init(.failure, reason))
        }
        let revision: PolicyRevision
        do throws(ControlReply.Refusal) {
            revision = try PolicyRevision(
                settings, of: configuration.policy, on: machine, tree: tree, share: governance?.share ?? Fraction(1),
                running: supervisor.runningInGroups)
            if revision.isRequired, let lack = revision.missing.first { throw Self.refusal(lack) }
        } catch {
            return .failure(error)
        }
        if revision.changes.isEmpty { return .success(["the policy says that already"]) }
        // What starts meanwhile starts with it.
        let before = (policy: configuration.policy, machine: machine)
        adopt(revision.policy, revision.machine)
        Task {
            let deviations = await onOwnThread("limits") { revision.enforce() }
            control?.haveSet(finish(revision, deviations, instead: before, by: user))
        }
        return nil
    }

    private static func refusal(_ deviation: LimitDeviation) -> ControlReply.Refusal {
        ControlReply.Refusal(
            .unenforceable,
            "the policy requires its limits, and one cannot be enforced: \(deviation.asMissing). Nothing was changed")
    }

    private func adopt(_ policy: MergedPolicy, _ machine: MachineFacts) {
        configuration.policy = policy
        self.machine = machine
        let planner = planner
        supervisor?.revise { planner.revised($0) }
    }

    /// The limits have been written: the rest of the run follows, or all is as before.
    private func finish(
        _ revision: PolicyRevision, _ seen: [(step: StepID?, deviation: LimitDeviation)],
        instead before: (policy: MergedPolicy, machine: MachineFacts), by user: String
    ) -> Result<[String], ControlReply.Refusal> {
        // The group of a step that has ended meanwhile is gone, and nothing is missing there.
        let running = Set((supervisor?.runningInGroups ?? []).map(\.step))
        let deviations = seen.filter { $0.step.map(running.contains) ?? true }
        if revision.isRequired, let lack = deviations.first {
            revision.revert()
            adopt(before.policy, before.machine)
            return .failure(Self.refusal(lack.deviation))
        }
        let changes = revision.changes.map {
            Intervention.Change(key: $0.slot.description, value: $0.value, previous: $0.previous)
        }
        bus.publish(.control(Intervention(.set, by: user, changes: changes)))
        governance?.limitsHaveChanged(to: revision.run.limits, on: machine, sharedBy: revision.share)
        let all = deviations + (revision.missing + shareOut(revision)).map { (nil, $0) }
        for (step, deviation) in all { bus.publish(.limit(deviation), of: step?.plugin) }
        let lacks = all.map { step, deviation in (step.map { "\($0): " } ?? "") + deviation.asMissing }
        let later = revision.changes.filter { $0.slot.changeTime == .forLaterSteps }.map(\.slot.description)
        return .success(
            changes.map(\.phrase) + lacks
                + (later.isEmpty ? [] : ["for steps that start from now on: \(later.joined(separator: ", "))"]))
    }

    /// Shares out anew what all steps have together.
    /// - Returns: what is otherwise than asked for.
    private func shareOut(_ revision: PolicyRevision) -> [LimitDeviation] {
        guard let supervisor else { return [] }
        // Said now, it counts more than what was said at the beginning.
        if revision.changes(.parallel) { configuration.selection.jobs = nil }
        let (run, cpus) = (planner.runSettings, machine.cpus)
        let memory = Double((run.limits.memoryHigh ?? run.limits.memoryMax ?? machine.memory).bytes)
        let amounts: [(PolicyKey, String, Double)] = [
            (.parallel, "parallel", Double(run.parallel ?? cpus)), (.downloads, "downloads", Double(run.downloads)),
            (.cpuQuota, "cpus", run.limits.cpuQuota?.value ?? Double(cpus)), (.memoryHigh, "memory", memory),
            (.memoryMax, "memory", memory),
        ]
        return amounts.filter { revision.changes($0.0) }.compactMap { key, name, amount in
            let effective = supervisor.setCapacity(name, to: amount)
            // Of CPU and memory it is only what is expected that is shared out: the limits hold in any case.
            guard let effective, key == .parallel || key == .downloads else { return nil }
            return LimitDeviation(
                control: "run.\(key.rawValue)", requested: "\(Int(amount))", effective: "\(Int(effective))",
                reason: "a step that is still to come needs as much")
        }
    }
}
