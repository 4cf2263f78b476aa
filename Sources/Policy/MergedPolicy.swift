// A policy that is in force: what it gives the run and each step on a given machine.

import UpdateModel

/// A policy, merged from its layers, valid and independent of a machine.
public struct MergedPolicy: Sendable {
    /// The name of the file that it is based on, without `.toml`; `built-in` without one.
    public let name: String
    /// The files that it was merged from, the weakest first; without `--set`.
    public let sources: [PolicySource]
    private let tables: [PolicyTable: [PolicyKey: PolicySetting]]

    init(name: String, settings: [PolicySlot: PolicySetting], sources: [PolicySource]) {
        self.name = name
        self.sources = sources
        tables = settings.reduce(into: [:]) { $0[$1.key.table, default: [:]][$1.key.key] = $1.value }
    }

    public var description: String? { text(.description, in: present([.document])) }

    public var enforcement: Enforcement {
        text(.enforcement, in: present([.document])).flatMap { Enforcement(rawValue: $0) } ?? .preferred
    }

    /// Every value with its origin, in the order of the tables.
    public var settings: [(slot: PolicySlot, setting: PolicySetting)] {
        tables.flatMap { table, settings in
            settings.map { (slot: PolicySlot(table: table, key: $0.key), setting: $0.value) }
        }.sorted { $0.slot < $1.slot }
    }

    /// All that the policy says, one line for each value, the same for the same policy however it was written and
    /// wherever it came from: what its hash is computed over.
    public var canonicalText: [UInt8] {
        Array(settings.map { "\($0.slot) = \($0.setting.value.text)\n" }.joined().utf8)
    }

    /// The paths whose disks `MachineFacts` has to know.
    public var ioPaths: Set<String> {
        settings.reduce(into: []) { paths, entry in
            if case .caps(let caps) = entry.setting.value { paths.formUnion(caps.map(\.path)) }
        }
    }

    static let noMechanism = "this version checks it and does not act on it"

    /// What the policy asks for and this program does not do: one for each key, but one for a whole table of them.
    public var notYetEnforced: [LimitDeviation] {
        let reason = Self.noMechanism
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

    /// The programs of `[hooks]`, in the order in which they run, each with the place that names it.
    public var hooks: [(moment: HookMoment, program: String, origin: PolicyOrigin)] {
        HookMoment.allCases.flatMap { moment -> [(moment: HookMoment, program: String, origin: PolicyOrigin)] in
            let key = moment == .beforeRun ? PolicyKey.beforeRun : .afterRun
            guard let setting = setting(key, in: [.hooks])?.setting, case .texts(let programs) = setting.value else {
                return []
            }
            return programs.map { (moment, $0, setting.origin) }
        }
    }

    /// How long logs are kept, and how long they become.
    public var logs: LogSettings {
        var logs = LogSettings()
        let tables = present([.log])
        if let days = integer(.keepDays, in: tables) { logs.keepDays = Int(days) }
        if case .memory(.bytes(let size)) = value(.keepBytes, in: tables) { logs.keepBytes = size }
        if case .memory(.bytes(let size)) = value(.stepBytes, in: tables) { logs.stepBytes = size }
        return logs
    }

    // MARK: On a machine

    /// What the run gets as a whole.
    public func run(on facts: MachineFacts) -> RunSettings {
        var run = RunSettings()
        let tables = present([.run])
        run.limits = limits(tables, on: facts)
        run.parallel = integer(.parallel, in: tables).map { Int($0) }
        if let downloads = integer(.downloads, in: tables) { run.downloads = Int(downloads) }
        if case .memory(.bytes(let rate)) = value(.downloadRate, in: tables) { run.downloadRate = rate }
        if case .boolean(let flag) = value(.downloadEnforce, in: tables) { run.enforcesDownloadRate = flag }
        return run
    }

    /// When the run steps back for others.
    public var protection: Protection {
        var protection = Protection()
        let tables = present([.protect])
        func share(_ key: PolicyKey) -> Fraction? {
            if case .share(let share) = value(key, in: tables) { share } else { nil }
        }
        protection.cpuSome = share(.cpuSome)
        protection.memorySome = share(.memorySome)
        protection.ioSome = share(.ioSome)
        if case .number(let load) = value(.loadPerCPU, in: tables) { protection.loadPerCPU = load }
        if case .texts(let groups) = value(.cgroups, in: tables) { protection.cgroups = groups }
        if let action = text(.action, in: tables).flatMap({ Protection.Action(rawValue: $0) }) {
            protection.action = action
        }
        if let pause = duration(.resumeAfter, in: tables) { protection.resumeAfter = pause }
        return protection
    }

    /// What one step gets: `[step]` < `[step.PHASE]` < `[plugin.NAME]` < `[plugin.NAME.PHASE]`, key by key.
    public func step(_ plugin: PluginName, _ phase: Phase, on facts: MachineFacts) -> StepSettings {
        let tables = present(Self.tables(of: plugin, phase))
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

    private func limits(_ tables: [Table], on facts: MachineFacts) -> Limits {
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

    private func memory(_ key: PolicyKey, in tables: [Table], on facts: MachineFacts) -> ByteCount? {
        guard case .memory(let amount) = value(key, in: tables) else { return nil }
        return switch amount {
        case .bytes(let size): size
        case .share(let share): ByteCount(Int64(Double(facts.memory.bytes) * share.value))
        case .infinity: nil
        }
    }

    private func cpuQuota(in tables: [Table], on facts: MachineFacts) -> Fraction? {
        guard case .cpu(let amount) = value(.cpuQuota, in: tables) else { return nil }
        return switch amount {
        case .cpus(let share): share
        case .machine(let share): Fraction(share.value * Double(facts.cpus))
        case .infinity: nil
        }
    }

    // MARK: Values

    private typealias Table = [PolicyKey: PolicySetting]

    /// Those of `wanted` that the policy has, looked up once for all their keys.
    private func present(_ wanted: [PolicyTable]) -> [Table] { wanted.compactMap { tables[$0] } }

    /// The tables in which a step finds its values, the strongest first.
    static func tables(of plugin: PluginName, _ phase: Phase) -> [PolicyTable] {
        [.plugin(plugin, phase), .plugin(plugin, nil), .step(phase), .step(nil)]
    }

    /// What the first table says that says anything, with its place.
    func setting(_ key: PolicyKey, in wanted: [PolicyTable]) -> (slot: PolicySlot, setting: PolicySetting)? {
        for table in wanted {
            if let setting = tables[table]?[key] { return (PolicySlot(table: table, key: key), setting) }
        }
        return nil
    }

    /// The value of the first table that has one.
    private func value(_ key: PolicyKey, in tables: [Table]) -> PolicyValue? {
        for table in tables {
            if let setting = table[key] { return setting.value }
        }
        return nil
    }

    private func text(_ key: PolicyKey, in tables: [Table]) -> String? {
        if case .text(let text) = value(key, in: tables) { text } else { nil }
    }

    private func integer(_ key: PolicyKey, in tables: [Table]) -> Int64? {
        if case .integer(let number) = value(key, in: tables) { number } else { nil }
    }

    private func duration(_ key: PolicyKey, in tables: [Table]) -> Duration? {
        if case .duration(let duration) = value(key, in: tables) { duration } else { nil }
    }
}
