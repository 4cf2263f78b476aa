// What a policy says of a step's processes themselves, beside its group: privileges, niceness, how it ends.

import UpdateModel

/// Explains what update-all does with the processes of one step.
struct ProcessExplainer {
    let policy: MergedPolicy
    let tables: [PolicyTable]
    let step: ExplainedStep
    let facts: MachineFacts

    private var settings: StepSettings { policy.step(step.plugin, step.phase, on: facts) }

    var statements: [PolicyStatement] {
        [nice, idleClass, privileges, capabilities, terminal, downloadRate, timeout, stopGrace, leftovers, waitTimeout]
            .compactMap(\.self)
    }

    private func slot(_ key: PolicyKey) -> PolicySlot? { policy.setting(key, in: tables)?.slot }

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
        return step.callsSudo
            ? PolicyStatement(.leftOut, slot(.noNewPrivileges), text, reason: "the plugin calls sudo itself")
            : PolicyStatement(.enforced, slot(.noNewPrivileges), text)
    }

    private var capabilities: PolicyStatement? {
        guard let names = settings.capabilities else { return nil }
        let list = names.isEmpty ? "no capability" : "no capability but \(names.joined(separator: ", "))"
        return step.isRoot
            ? PolicyStatement(.enforced, slot(.capabilities), "Root with \(list)")
            : PolicyStatement(.leftOut, slot(.capabilities), "Root with \(list)", reason: "it does not run as root")
    }

    private var terminal: PolicyStatement? {
        guard settings.terminal == .always, step.phase != .check else { return nil }
        return PolicyStatement(.enforced, slot(.pty), "Runs on a pseudo-terminal")
    }

    private var downloadRate: PolicyStatement? {
        let run = policy.run(on: facts)
        guard let keepsRate = step.keepsDownloadRate, let rate = run.downloadRate else { return nil }
        let slot = policy.setting(.downloadRate, in: [.run])?.slot
        let text = "Keeps to the share of \(rate) a second that it is told"
        if keepsRate { return PolicyStatement(.enforced, slot, text) }
        let isHeld = run.enforcesDownloadRate && facts.downloadLimitRefusal == nil
        let reason = "its manifest does not say that it does (keeps_download_rate)"
        return PolicyStatement(
            isHeld ? .altered : .notEnforced, slot, text, reason: isHeld ? "\(reason); the kernel holds it" : reason)
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
            "Put off if what another run holds is not free after \(PolicyValue.durationText(settings.waitTimeout))")
    }
}
