// Other values of the policy for a run in progress, from the request to the reply.

import Governing
import Interchange
import Policy
import RunModel
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
                running: supervisor.running)
            if revision.isRequired, let lack = revision.lack { throw Self.refusal(lack) }
        } catch {
            return .failure(error)
        }
        if revision.changes.isEmpty { return .success(["the policy says that already"]) }
        // What starts meanwhile starts with it.
        let before = Basis(policy: configuration.policy, machine: machine, selection: configuration.selection)
        adopt(
            Basis(
                policy: revision.policy, machine: revision.machine,
                selection: before.selection.countingLess(than: revision.changes)))
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

    /// What steps that start are started by.
    private struct Basis {
        var policy: MergedPolicy
        var machine: MachineFacts
        var selection: Selection
    }

    private func adopt(_ basis: Basis) {
        configuration.policy = basis.policy
        configuration.selection = basis.selection
        machine = basis.machine
        var planner = planner
        if let lessons { planner.record = lessons.record }
        supervisor?.revise { planner.revised($0) }
    }

    /// The limits have been written: the rest of the run follows, or all is as before.
    private func finish(
        _ revision: PolicyRevision, _ seen: [(step: StepID?, deviation: LimitDeviation)],
        instead before: Basis, by user: String
    ) -> Result<[String], ControlReply.Refusal> {
        // The group of a step that has ended meanwhile is gone, and nothing is missing there.
        let running = Set((supervisor?.running.steps ?? []).map(\.step))
        var deviations = seen.filter { $0.step.map(running.contains) ?? true }
        let changesRate = revision.changes(.downloadRate)
        if changesRate, let refusal = limitDownloads() { deviations.append((nil, refusal)) }
        if revision.isRequired, let lack = deviations.first {
            revision.revert()
            adopt(before)
            if changesRate { limitDownloads() }
            return .failure(Self.refusal(lack.deviation))
        }
        let changes = revision.changes.map {
            Intervention.Change(key: $0.slot.description, value: $0.value, previous: $0.previous)
        }
        bus.publish(.control(Intervention(.set, by: user, changes: changes)))
        supervisor?.reviseCommits(revision.commitHighs)
        governance?.limitsHaveChanged(to: revision.run.limits, on: machine, sharedBy: revision.share)
        if revision.changes(.protect) { govern() }
        let others = revision.missing + [revision.blindness].compactMap(\.self) + shareOut(revision)
        let all = deviations + (others + revision.cuts(for: supervisor?.steps ?? [])).map { (nil, $0) }
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
        let (run, cpus) = (planner.runSettings, machine.cpus)
        supervisor.shareDownloads(run.downloadRate, units: run.concurrentDownloads(on: machine))
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

extension Selection {
    /// What was said at the beginning counts less than what `changes` say now.
    fileprivate func countingLess(than changes: [PolicyChange]) -> Selection {
        var selection = self
        for slot in changes.map(\.slot) {
            if slot.key == .parallel { selection.jobs = nil }
            if slot.key == .timeout { selection.laterTimeouts.insert(slot.table) }
        }
        return selection
    }
}
