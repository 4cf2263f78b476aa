// A policy that is in force: what it gives the run and each step on a given machine.

import UpdateModel

/// A policy, merged from its layers, valid and independent of a machine.
public struct MergedPolicy: Sendable {
    /// The name of the file that it is based on, without `.toml`; `built-in` without one.
    public let name: String
    /// The files that it was merged from, the weakest first; without `--set`.
    public let sources: [PolicySource]
    private let tables: Tables
    /// What the administrator's files give alone: the most that anybody else may have.
    private let ceiling: Tables

    private typealias Tables = [PolicyTable: [PolicyKey: PolicySetting]]

    /// - Parameter ceiling: of `settings` those that the administrator's files made, also where others came later.
    init(
        name: String, settings: [PolicySlot: PolicySetting], ceiling: [PolicySlot: PolicySetting],
        sources: [PolicySource]
    ) {
        self.name = name
        self.sources = sources
        tables = Self.tables(settings)
        self.ceiling = Self.tables(ceiling)
    }

    private static func tables(_ settings: [PolicySlot: PolicySetting]) -> Tables {
        settings.reduce(into: [:]) { $0[$1.key.table, default: [:]][$1.key.key] = $1.value }
    }

    public var description: String? { wholeView(.document).text(.description) }

    public var enforcement: Enforcement { wholeView(.document).word(.enforcement) ?? .preferred }

    /// Every value with its origin, in the order of the tables.
    public var settings: [(slot: PolicySlot, setting: PolicySetting)] { Self.settings(tables) }

    /// The same of what the administrator's files give alone.
    var ceilingSettings: [(slot: PolicySlot, setting: PolicySetting)] { Self.settings(ceiling) }

    private static func settings(_ tables: Tables) -> [(slot: PolicySlot, setting: PolicySetting)] {
        tables.flatMap { table, settings in
            settings.map { (slot: PolicySlot(table: table, key: $0.key), setting: $0.value) }
        }.sorted { $0.slot < $1.slot }
    }

    /// All that the policy says, one line for each value, the same for the same policy however it was written and
    /// wherever it came from: what its hash is computed over.
    public var canonicalText: [UInt8] {
        let hidden = ceilingSettings.filter { tables[$0.slot.table]?[$0.slot.key] != $0.setting }
        let lines =
            settings.map { "\($0.slot) = \($0.setting.value.text)\n" }
            + hidden.map { "# at most \($0.slot) = \($0.setting.value.text)\n" }
        return Array(lines.joined().utf8)
    }

    /// The paths whose disks `MachineFacts` has to know.
    public var ioPaths: Set<String> {
        (settings + ceilingSettings).reduce(into: []) { paths, entry in
            if case .caps(let caps) = entry.setting.value { paths.formUnion(caps.map(\.path)) }
        }
    }

    // MARK: On a machine

    /// What the run gets as a whole.
    public func run(on facts: MachineFacts) -> RunSettings {
        var run = RunSettings()
        let view = view([.run], on: facts)
        run.limits = Self.limits(view)
        run.parallel = view.integer(.parallel).map { Int($0) }
        if let downloads = view.integer(.downloads) { run.downloads = Int(downloads) }
        run.downloadRate = view.bytes(.downloadRate)
        run.enforcesDownloadRate = view.flag(.downloadEnforce) ?? false
        return run
    }

    /// What one step gets: `[step]` < `[step.PHASE]` < `[plugin.NAME]` < `[plugin.NAME.PHASE]`, key by key, and of that no
    /// more than the ceiling.
    public func step(_ plugin: PluginName, _ phase: Phase, on facts: MachineFacts) -> StepSettings {
        let view = view(Self.tables(of: plugin, phase), on: facts)
        var step = StepSettings()
        step.limits = Self.limits(view)
        step.nice = view.integer(.nice).map { Int($0) }
        step.noNewPrivileges = view.flag(.noNewPrivileges) ?? step.noNewPrivileges
        step.capabilities = view.texts(.capabilities)
        step.leftovers = view.word(.leftovers) ?? step.leftovers
        step.stopGrace = view.duration(.stopGrace) ?? step.stopGrace
        step.waitTimeout = view.duration(.waitTimeout) ?? step.waitTimeout
        step.terminal = view.word(.pty) ?? step.terminal
        if let tries = view.integer(.oomRetry) { step.oomRetries = Int(tries) }
        step.largestMemory = largestMemory(of: plugin, phase, on: facts)
        step.timeout = view.duration(.timeout)
        step.runAs = view.text(.runAs).map { RunAs($0) }
        step.sha256 = view.text(.sha256)
        step.updatesItself = view.flag(.selfUpdate) ?? step.updatesItself
        return step
    }

    /// The most memory that a step may ever have: the run's, since its limit holds for every step in it; and where the
    /// administrator limits the step and says nothing of further tries, no more than that.
    private func largestMemory(of plugin: PluginName, _ phase: Phase, on facts: MachineFacts) -> ByteCount {
        let run = Self.limits(view([.run], on: facts))
        let largest = min(run.memoryHigh ?? run.memoryMax ?? facts.memory, facts.memory)
        let ceiling = PolicyView(
            tables: Self.present(Self.tables(of: plugin, phase), in: ceiling), ceiling: [], facts: facts)
        guard ceiling.integer(.oomRetry) == nil, let limit = ceiling.bytes(.memoryMax) else { return largest }
        return min(largest, limit)
    }

    private static func limits(_ view: PolicyView) -> Limits {
        var limits = Limits(
            memoryHigh: view.bytes(.memoryHigh), memoryMax: view.bytes(.memoryMax),
            memorySwapMax: view.bytes(.memorySwapMax), ioWeight: view.integer(.ioWeight).map { Int($0) })
        if case .cpu(let amount) = view.value(.cpuQuota) { limits.cpuQuota = amount.cpus(on: view.facts) }
        if case .cpuWeight(let weight) = view.value(.cpuWeight) { limits.cpuWeight = weight }
        if case .caps(let caps) = view.value(.io) { limits.io = caps }
        if case .tasks(let count) = view.value(.tasksMax) { limits.tasksMax = count }
        return limits
    }

    // MARK: Views

    package func view(_ wanted: [PolicyTable], on facts: MachineFacts) -> PolicyView {
        PolicyView(tables: Self.present(wanted, in: tables), ceiling: Self.present(wanted, in: ceiling), facts: facts)
    }

    /// Of a table whose values are no shares of a machine.
    package func wholeView(_ table: PolicyTable) -> PolicyView { view([table], on: Self.anyMachine) }

    private static let anyMachine = MachineFacts(
        hostName: "", memory: ByteCount(0), cpus: 1, pageSize: 4096, controllers: [])

    private static func present(_ wanted: [PolicyTable], in tables: Tables) -> [PolicyView.Table] {
        wanted.compactMap { name in tables[name].map { (name, $0) } }
    }

    /// The tables in which a step finds its values, the strongest first.
    package static func tables(of plugin: PluginName, _ phase: Phase) -> [PolicyTable] {
        [.plugin(plugin, phase), .plugin(plugin, nil), .step(phase), .step(nil)]
    }
}
