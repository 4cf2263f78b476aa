// Promises of the reader of policies: from the texts of its layers to the writes to control files.

import Governing
import Policy
import PolicyReports
import RunPolicy
import TomlDocument
import UpdateModel

/// Form feeds, which no TOML has, part the layers: the base, the administrator's file, the user's, and `--set` line by line.
func checkPolicy(_ input: [UInt8]) throws(BrokenPromise) {
    let pages = input.split(separator: 0x0C, maxSplits: 3, omittingEmptySubsequences: false).map { Array($0) }
    func file(_ page: Int, _ name: String) -> PolicyText? {
        pages.indices.contains(page) ? PolicyText(file: name, bytes: pages[page]) : nil
    }
    let sets = pages.count > 3 ? pages[3].split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) } : []
    let texts = PolicyTexts(
        base: file(0, "base.toml"), etc: [file(1, "etc.toml")].compactMap(\.self), user: file(2, "user.toml"),
        shippedNames: ["strict", "endless"])

    let policy: MergedPolicy
    do { policy = try merge(texts, set: sets) } catch { return try checkDiagnostics(error, of: input) }
    for machine in [FuzzMachine.server, FuzzMachine.container] {
        try checkReading(policy, on: machine)
        try checkWrites(policy, on: machine)
    }
    try checkCeiling(texts, policy, on: FuzzMachine.server)

    let more = Result { () throws(Diagnostics) in try policy.setting(sets) }
    try promise((try? more.get())?.changes(from: policy).isEmpty ?? false, "what is set twice is set")
}

private func merge(_ texts: PolicyTexts, set: [String] = []) throws(Diagnostics) -> MergedPolicy {
    try mergePolicy(texts, set: set) { name, file in
        switch name {
        case "strict": PolicyText(file: "strict.toml", bytes: Array("[step]\nmemory_max = \"1G\"\n".utf8))
        // One more file each time: what `extends` leads to has to end.
        case "endless": PolicyText(file: file + "+", bytes: Array("extends = \"endless\"\n".utf8))
        default: nil
        }
    }
}

/// What is shown of a policy is a policy that says the same.
private func checkReading(_ policy: MergedPolicy, on facts: MachineFacts) throws(BrokenPromise) {
    for origins in [false, true] {
        let text = policy.document(origins: origins, on: facts)
        let again = Result { () throws(Diagnostics) in
            try merge(PolicyTexts(base: PolicyText(file: "shown.toml", bytes: Array(text.utf8))))
        }
        let shown = policy.shownSettings(on: facts).map { "\($0.slot) = \($0.value.text)" }
        switch again {
        case .success(let again):
            try promiseSame(
                shown, again.settings.map { "\($0.slot) = \($0.setting.value.text)" }, "a policy")
        case .failure(let error):
            throw BrokenPromise(description: "broken promise: a policy that is shown can be read\n\(text)\n\(error)")
        }
    }
}

/// Every write can be one, and nothing that could kill is written to a group that is protected.
private func checkWrites(_ policy: MergedPolicy, on facts: MachineFacts) throws(BrokenPromise) {
    let run = policy.run(on: facts).limits
    let step = policy.step(PluginName("apt")!, .execute, on: facts)
    try promise(step.largestMemory ?? facts.memory <= facts.memory, "no step may have more memory than there is")
    for limits in [run, step.limits] {
        for role in GroupRole.allCases {
            let (writes, deviations) = controlWrites(for: limits, of: role, on: facts)
            try promise(writes.count + deviations.count <= 16 + limits.io.count, "writes are bounded")
            for write in writes {
                try promise(!write.value.isEmpty && !write.value.contains("\n"), "a write is one line: \(write)")
                try promise(!facts.missingControlFiles.contains(write.file), "what is missing is not written: \(write)")
                let kills = ["memory.max", "memory.swap.max", "pids.max"].contains(write.file)
                try promise(!(role.isProtected && kills), "a protected group is not killed: \(write)")
            }
        }
        let (there, _) = controlWrites(from: Limits(), to: limits, of: .leaf, on: facts)
        let (back, _) = controlWrites(from: limits, to: Limits(), of: .leaf, on: facts)
        try promise(
            Set(there.map(\.file)).subtracting(["memory.oom.group"]).isSubset(of: back.map(\.file)),
            "what was written is taken back")
        _ = controlWrites(from: run, to: limits, of: .run, leaving: Fraction(0.25), on: facts)
    }
    let report = GroupReport(applied: [], deviations: [])
    _ = policy.explainRun(group: report, steps: report, on: facts)
    let explained = ExplainedStep(
        PluginName("apt")!, .execute, isProtected: true, isRoot: true, callsSudo: false, timeout: .seconds(60))
    _ = policy.explain(explained, group: report, on: facts)
    _ = (policy.hooks, policy.logs, policy.window, policy.protection)
}

/// What the administrator's file gives is the most that a step has, whatever the other layers say.
private func checkCeiling(
    _ texts: PolicyTexts, _ policy: MergedPolicy, on facts: MachineFacts
) throws(BrokenPromise) {
    guard !texts.etc.isEmpty, let alone = try? merge(PolicyTexts(etc: texts.etc)) else { return }
    let plugin = PluginName("apt")!
    for phase in Phase.allCases {
        let bound = Set(
            alone.shownSettings(of: plugin, on: facts)
                .filter { $0.origin.layer == .etc && $0.slot.table == .plugin(plugin, phase) }.map(\.slot.key))
        let most = alone.step(plugin, phase, on: facts).limits
        let limits = policy.step(plugin, phase, on: facts).limits
        func check<Amount: Comparable>(_ key: PolicyKey, _ path: KeyPath<Limits, Amount?>) throws(BrokenPromise) {
            guard bound.contains(key), let most = most[keyPath: path] else { return }
            let amount = limits[keyPath: path]
            try promise(
                amount.map { $0 <= most } ?? false,
                "\(key.rawValue) of \(phase) is at most \(most), not \(amount.map { "\($0)" } ?? "without a limit")")
        }
        try check(.memoryHigh, \.memoryHigh)
        try check(.memoryMax, \.memoryMax)
        try check(.memorySwapMax, \.memorySwapMax)
        try check(.cpuQuota, \.cpuQuota)
        try check(.ioWeight, \.ioWeight)
        try check(.tasksMax, \.tasksMax)
    }
}

private enum FuzzMachine {
    static let server = MachineFacts(
        hostName: "db7", memory: ByteCount(16 << 30), cpus: 4, pageSize: 4096, controllers: Set(Controller.allCases),
        disks: ["/": .disk("8:0"), "/var": .disk("8:0"), "/srv": .disk("8:16")])
    /// Nearly nothing can be enforced.
    static let container = MachineFacts(
        hostName: "c", memory: ByteCount(1_000_000_000), cpus: 1, pageSize: 65_536, controllers: [.memory],
        missingControlFiles: ["memory.swap.max", "memory.oom.group"], missingControllerReason: "nobody delegated it")
}
