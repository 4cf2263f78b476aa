// A policy that is in force: what it gives the run and each step on a given machine.

import UpdateModel

/// A policy, merged from its layers, valid and independent of a machine.
public struct MergedPolicy: Sendable {
    /// The name of the file that it is based on, without `.toml`; `built-in` without one.
    public let name: String
    private let values: [PolicySlot: PolicySetting]

    init(name: String, settings: [PolicySlot: PolicySetting]) {
        self.name = name
        self.values = settings
    }

    public var description: String? { text(.description, in: [.document]) }

    public var enforcement: Enforcement {
        text(.enforcement, in: [.document]).flatMap { Enforcement(rawValue: $0) } ?? .preferred
    }

    /// Every value with its origin, in the order of the tables.
    public var settings: [(slot: PolicySlot, setting: PolicySetting)] {
        values.sorted { $0.key < $1.key }.map { (slot: $0.key, setting: $0.value) }
    }

    /// All that the policy says, one line for each value, the same for the same policy however it was written and
    /// wherever it came from: what its hash is computed over.
    public var canonicalText: [UInt8] {
        Array(settings.map { "\($0.slot) = \($0.setting.value.text)\n" }.joined().utf8)
    }

    /// The paths whose disks `MachineFacts` has to know.
    public var ioPaths: Set<String> {
        values.values.reduce(into: []) { paths, setting in
            if case .caps(let caps) = setting.value { paths.formUnion(caps.map(\.path)) }
        }
    }

    /// What the policy asks for and this program does not do: one for each key, but one for a whole table of them.
    public var notYetEnforced: [LimitDeviation] {
        let reason = "this version checks it and does not act on it"
        var deviations: [LimitDeviation] = []
        var tables: [(table: PolicyTable, keys: [String])] = []
        for (slot, setting) in settings where !slot.key.isEnforced && !setting.value.asksForNothing {
            let text = setting.value.text
            switch slot.table {
            case .run, .step, .plugin, .document:
                deviations.append(
                    LimitDeviation(control: slot.description, requested: text, effective: nil, reason: reason))
            case .hooks, .protect, .window, .log:
                if tables.last?.table != slot.table { tables.append((slot.table, [])) }
                tables[tables.count - 1].keys.append("\(slot.key.rawValue) = \(text)")
            }
        }
        return tables.map {
            LimitDeviation(
                control: $0.table.header, requested: $0.keys.joined(separator: ", "), effective: nil, reason: reason)
        } + deviations
    }

    // MARK: On a machine

    /// What the run gets as a whole.
    public func run(on facts: MachineFacts) -> RunSettings {
        var run = RunSettings()
        run.limits = limits([.run], on: facts)
        run.parallel = integer(.parallel, in: [.run]).map { Int($0) }
        if let downloads = integer(.downloads, in: [.run]) { run.downloads = Int(downloads) }
        if case .memory(.bytes(let rate)) = value(.downloadRate, in: [.run]) { run.downloadRate = rate }
        return run
    }

    /// What one step gets: `[step]` < `[step.PHASE]` < `[plugin.NAME]` < `[plugin.NAME.PHASE]`, key by key.
    public func step(_ plugin: PluginName, _ phase: Phase, on facts: MachineFacts) -> StepSettings {
        let tables: [PolicyTable] = [.plugin(plugin, phase), .plugin(plugin, nil), .step(phase), .step(nil)]
        var step = StepSettings()
        step.limits = limits(tables, on: facts)
        step.nice = integer(.nice, in: tables).map { Int($0) }
        if case .boolean(let flag) = value(.noNewPrivileges, in: tables) { step.noNewPrivileges = flag }
        if case .texts(let names) = value(.capabilities, in: tables) { step.capabilities = names }
        if let leftovers = text(.leftovers, in: tables).flatMap({ Leftovers(rawValue: $0) }) {
            step.leftovers = leftovers
        }
        if let grace = duration(.stopGrace, in: tables) { step.stopGrace = grace }
        if let wait = duration(.waitTimeout, in: tables) { step.waitTimeout = wait }
        if let terminal = text(.pty, in: tables).flatMap({ TerminalUse(rawValue: $0) }) { step.terminal = terminal }
        step.timeout = duration(.timeout, in: tables)
        step.runAs = text(.runAs, in: tables).map { RunAs($0) }
        step.sha256 = text(.sha256, in: tables)
        if case .boolean(let flag) = value(.selfUpdate, in: tables) { step.updatesItself = flag }
        return step
    }

    private func limits(_ tables: [PolicyTable], on facts: MachineFacts) -> Limits {
        var limits = Limits(
            memoryHigh: memory(.memoryHigh, in: tables, on: facts),
            memoryMax: memory(.memoryMax, in: tables, on: facts),
            memorySwapMax: memory(.memorySwapMax, in: tables, on: facts),
            cpuQuota: cpuQuota(in: tables, on: facts),
            ioWeight: integer(.ioWeight, in: tables).map { Int($0) })
        if case .cpuWeight(let weight) = value(.cpuWeight, in: tables) { limits.cpuWeight = weight }
        if case .caps(let caps) = value(.io, in: tables) { limits.io = caps }
        if case .tasks(let count) = value(.tasksMax, in: tables) { limits.tasksMax = count }
        return limits
    }

    private func memory(_ key: PolicyKey, in tables: [PolicyTable], on facts: MachineFacts) -> ByteCount? {
        guard case .memory(let amount) = value(key, in: tables) else { return nil }
        return switch amount {
        case .bytes(let size): size
        case .share(let share): ByteCount(Int64(Double(facts.memory.bytes) * share.value))
        case .infinity: nil
        }
    }

    private func cpuQuota(in tables: [PolicyTable], on facts: MachineFacts) -> Fraction? {
        guard case .cpu(let amount) = value(.cpuQuota, in: tables) else { return nil }
        return switch amount {
        case .cpus(let share): share
        case .machine(let share): Fraction(share.value * Double(facts.cpus))
        case .infinity: nil
        }
    }

    // MARK: Values

    /// The value of the first table that has one.
    private func value(_ key: PolicyKey, in tables: [PolicyTable]) -> PolicyValue? {
        tables.lazy.compactMap { values[PolicySlot(table: $0, key: key)]?.value }.first
    }

    private func text(_ key: PolicyKey, in tables: [PolicyTable]) -> String? {
        if case .text(let text) = value(key, in: tables) { text } else { nil }
    }

    private func integer(_ key: PolicyKey, in tables: [PolicyTable]) -> Int64? {
        if case .integer(let number) = value(key, in: tables) { number } else { nil }
    }

    private func duration(_ key: PolicyKey, in tables: [PolicyTable]) -> Duration? {
        if case .duration(let duration) = value(key, in: tables) { duration } else { nil }
    }
}
