// What a policy says of a step's processes themselves, beside its group: privileges, niceness, how it ends.

import Policy
import RunPolicy
import UpdateModel

/// Explains what update-all does with the processes of one step.
struct ProcessExplainer {
    let view: PolicyView
    let settings: StepSettings
    let step: ExplainedStep
    /// The whole run's, with the place of its download rate.
    let run: RunSettings
    let rateSlot: PolicySlot?

    var statements: [PolicyStatement] {
        let process = [nice, idleClass, privileges, sudo] + capabilities + [terminal, downloadRate]
        return (process + [timeout, stopGrace, leftovers, waitTimeout, oomRetry])
            .compactMap(\.self)
    }

    private func slot(_ key: PolicyKey) -> PolicySlot? { view.resolve(key)?.slot }

    private var nice: PolicyStatement? {
        settings.nice.map { PolicyStatement(.enforced, slot(.nice), "Nice level \($0)") }
    }

    private var idleClass: PolicyStatement? {
        guard settings.limits.cpuWeight == .idle else { return nil }
        return PolicyStatement(
            .enforced, slot(.cpuWeight), "Started in the idle classes of the CPU and I/O schedulers, group or not")
    }

    private var privileges: PolicyStatement? {
        guard settings.noNewPrivileges else { return nil }
        let text = "Gains no privileges through set-user-ID programs"
        // What it may have run as root, update-all runs: its own processes need nothing for that.
        return step.callsSudo && step.sudoPrograms.isEmpty
            ? PolicyStatement(.leftOut, slot(.noNewPrivileges), text, reason: "the plugin calls sudo itself")
            : PolicyStatement(.enforced, slot(.noNewPrivileges), text)
    }

    private var sudo: PolicyStatement? {
        guard let slot = slot(.sudoPrograms) else { return nil }
        let text = "Its sudo runs \(step.sudoPrograms.isEmpty ? "nothing" : step.sudoPrograms.joined(separator: ", "))"
        if step.phase == .check || step.isRoot || !step.callsSudo {
            let reason =
                step.phase == .check
                ? "questions are asked without root"
                : step.isRoot ? "it runs as root" : "its manifest declares no sudo_programs"
            return PolicyStatement(.leftOut, slot, text, reason: reason)
        }
        return step.sudoPrograms.isEmpty
            ? PolicyStatement(.leftOut, slot, text, reason: SudoRule.noAllowance)
            : PolicyStatement(.enforced, slot, text + " as root")
    }

    /// The bounding set, and what the manifest asks for besides the usual capabilities.
    private var capabilities: [PolicyStatement?] {
        guard let names = settings.capabilities else {
            guard step.isRoot else { return [] }
            let usual = PolicyStatement(
                .enforced, nil, "Root with no capability but the usual ones, for files, users and services")
            return [usual]
                + step.capabilityNeeds.map {
                    PolicyStatement(.enforced, nil, "\($0.name) too, as its manifest asks: \($0.reason)")
                }
        }
        let list = names.isEmpty ? "no capability" : "no capability but \(names.joined(separator: ", "))"
        guard step.isRoot else {
            return [
                PolicyStatement(
                    .leftOut, slot(.capabilities), "Root with \(list)", reason: "it does not run as root")
            ]
        }
        return [PolicyStatement(.enforced, slot(.capabilities), "Root with \(list)")]
            + step.capabilityNeeds.filter { !names.contains($0.name) }.map {
                PolicyStatement(
                    .leftOut, slot(.capabilities), "\($0.name), as its manifest asks: \($0.reason)",
                    reason: "the policy's list does not have it")
            }
    }

    private var terminal: PolicyStatement? {
        guard settings.terminal == .always, step.phase != .check else { return nil }
        return PolicyStatement(.enforced, slot(.pty), "Runs on a pseudo-terminal")
    }

    private var downloadRate: PolicyStatement? {
        guard let keepsRate = step.keepsDownloadRate, let rate = run.downloadRate else { return nil }
        let text = "Keeps to the share of \(rate) a second that it is told"
        if keepsRate { return PolicyStatement(.enforced, rateSlot, text) }
        let isHeld = run.enforcesDownloadRate && view.facts.downloadLimitRefusal == nil
        let reason = "its manifest does not say that it does (keeps_download_rate)"
        return PolicyStatement(
            isHeld ? .altered : .notEnforced, rateSlot, text, reason: isHeld ? "\(reason); the kernel holds it" : reason
        )
    }

    private var timeout: PolicyStatement? {
        let limit = PolicyValue.durationText(settings.timeout ?? step.timeout)
        let text =
            step.isProtected
            ? "After \(limit) it is shown as overdue, and waited for" : "Stopped after \(limit)"
        return PolicyStatement(
            .enforced, settings.timeout == nil ? nil : slot(.timeout),
            text + (settings.timeout == nil ? ", as its manifest or its command has it" : ""))
    }

    private var stopGrace: PolicyStatement? {
        let grace = PolicyValue.durationText(settings.stopGrace)
        let text = "Told to stop, it has \(grace) before it is killed"
        return step.isProtected
            ? PolicyStatement(.leftOut, slot(.stopGrace), text, reason: "a commit is waited for")
            : PolicyStatement(.enforced, slot(.stopGrace), text)
    }

    private var leftovers: PolicyStatement? {
        let slot = slot(.leftovers)
        switch settings.leftovers {
        case .kill where step.isProtected:
            return PolicyStatement(
                .altered, slot, "What outlives its main process is reported", reason: "nothing of a commit is killed")
        case .kill: return PolicyStatement(.enforced, slot, "What outlives its main process is killed")
        case .keep: return PolicyStatement(.enforced, slot, "What outlives its main process is left alone")
        case .report: return PolicyStatement(.enforced, slot, "What outlives its main process is reported")
        }
    }

    private var waitTimeout: PolicyStatement? {
        // Questions hold no mutex.
        guard step.phase != .check else { return nil }
        return PolicyStatement(
            .enforced, slot(.waitTimeout),
            "Put off if what another run or program holds is not free after \(PolicyValue.durationText(settings.waitTimeout))"
        )
    }

    private var oomRetry: PolicyStatement? {
        let settings = settings
        // Questions are asked once.
        guard step.phase != .check, settings.oomRetries > 0 else { return nil }
        let times = settings.oomRetries == 1 ? "once more" : "up to \(settings.oomRetries) times more"
        let most = settings.largestMemory.map { ", at most \($0)" } ?? ""
        let text = "Killed for memory, it is tried \(times), each time with twice as much\(most)"
        return step.isProtected
            ? PolicyStatement(.leftOut, slot(.oomRetry), text, reason: "no limit of ours kills a commit")
            : PolicyStatement(.enforced, slot(.oomRetry), text)
    }
}
