// A policy that is in force: what it gives the run and each step on a given machine.

import UpdateModel

/// A policy, merged from its layers, valid and independent of a machine.
public struct MergedPolicy: Sendable {
    /// The name of the file that it is based on, without `.toml`; `built-in` without one.
    public let name: String
    /// The files that it was merged from, the weakest first; without `--set`.
    public let sources: [PolicySource]
    /// What further values are merged with; `nil` where none can be.
    var basis: PolicyBasis?
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

    private static func settings(_ tables: Tables) -> [(slot: PolicySlot, setting: PolicySetting)] {
        tables.flatMap { table, settings in
            settings.map { (slot: PolicySlot(table: table, key: $0.key), setting: $0.value) }
        }.sorted { $0.slot < $1.slot }
    }

    /// All that the policy says, one line for each value, the same for the same policy however it was written and
    /// wherever it came from: what its hash is computed over.
    public var canonicalText: [UInt8] {
        let hidden = Self.settings(ceiling).filter { tables[$0.slot.table]?[$0.slot.key] != $0.setting }
        let lines =
            settings.map { "\($0.slot) = \($0.setting.value.text)\n" }
            + hidden.map { "# at most \($0.slot) = \($0.setting.value.text)\n" }
        return Array(lines.joined().utf8)
    }

    /// The paths whose disks `MachineFacts` has to know.
    public var ioPaths: Set<String> {
        (settings + Self.settings(ceiling)).reduce(into: []) { paths, entry in
            if case .caps(let caps) = entry.setting.value { paths.formUnion(caps.map(\.path)) }
        }
    }

    /// The programs of `[hooks]`, in the order in which they run, each with the place that names it.
    public var hooks: [(moment: HookMoment, program: String, origin: PolicyOrigin)] {
        HookMoment.allCases.flatMap { moment -> [(moment: HookMoment, program: String, origin: PolicyOrigin)] in
            let key = moment == .beforeRun ? PolicyKey.beforeRun : .afterRun
            guard let found = wholeView(.hooks).resolve(key), case .texts(let programs) = found.value else { return [] }
            return programs.map { (moment, $0, found.setting.origin) }
        }
    }

    /// How long logs are kept, and how long they become.
    public var logs: LogSettings {
        var logs = LogSettings()
        let view = wholeView(.log)
        if let days = view.integer(.keepDays) { logs.keepDays = Int(days) }
        if let size = view.bytes(.keepBytes) { logs.keepBytes = size }
        if let size = view.bytes(.stepBytes) { logs.stepBytes = size }
        return logs
    }

    /// When updates may run; `nil`: at any time.
    public var window: UpdateWindow? {
        let view = wholeView(.window)
        guard let windows = view.texts(.allow).flatMap({ WeekWindows($0) }) else { return nil }
        return UpdateWindow(windows: windows, finishBy: view.flag(.finishBy) ?? false)
    }

    /// When the run steps back for others.
    public var protection: Protection {
        var protection = Protection()
        let view = wholeView(.protect)
        protection.cpuSome = view.share(.cpuSome)
        protection.memorySome = view.share(.memorySome)
        protection.ioSome = view.share(.ioSome)
        if case .number(let load) = view.value(.loadPerCPU) { protection.loadPerCPU = load }
        protection.cgroups = view.texts(.cgroups) ?? []
        protection.action = view.word(.action) ?? protection.action
        protection.resumeAfter = view.duration(.resumeAfter) ?? protection.resumeAfter
        return protection
    }

    // MARK: On a machine

    /// What the run gets as a whole.
    /// - Parameter jobs: `--jobs`, in place of the policy's `parallel`.
    public func run(on facts: MachineFacts, jobs: Int? = nil) -> RunSettings {
        var run = RunSettings()
        let view = view([.run], on: facts)
        run.limits = Self.limits(view)
        run.parallel = jobs.map { cutJobs($0, on: facts).jobs } ?? view.integer(.parallel).map { Int($0) }
        if let downloads = view.integer(.downloads) { run.downloads = Int(downloads) }
        run.downloadRate = view.bytes(.downloadRate)
        run.enforcesDownloadRate = view.flag(.downloadEnforce) ?? false
        return run
    }

    /// What one step gets: `[step]` < `[step.PHASE]` < `[plugin.NAME]` < `[plugin.NAME.PHASE]`, key by key, and of that no
    /// more than the ceiling.
    /// - Parameter timeout: `--timeout`, in place of the policy's.
    public func step(
        _ plugin: PluginName, _ phase: Phase, on facts: MachineFacts, timeout: Duration? = nil
    ) -> StepSettings {
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
        step.timeout = timeout.map { Self.cutTimeout($0, view).timeout } ?? view.duration(.timeout)
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

    // MARK: The ceiling

    /// What the ceiling has cut of what is asked for the run as a whole.
    /// - Parameter jobs: `--jobs`.
    public func runCuts(on facts: MachineFacts, jobs: Int? = nil) -> [LimitDeviation] {
        let cuts = [PolicyTable.document, .run, .protect, .window].flatMap { view([$0], on: facts).cuts }
        guard let jobs else { return cuts }
        let parallel = PolicySlot(table: .run, key: .parallel).description
        return cuts.filter { $0.control != parallel } + [cutJobs(jobs, on: facts).cut].compactMap(\.self)
    }

    /// What the ceiling has cut of what is asked for one step.
    /// - Parameter timeout: `--timeout`.
    public func stepCuts(
        _ plugin: PluginName, _ phase: Phase, on facts: MachineFacts, timeout: Duration? = nil
    ) -> [LimitDeviation] {
        let view = view(Self.tables(of: plugin, phase), on: facts)
        guard let timeout else { return view.cuts }
        let own = view.resolve(.timeout)?.slot.description
        return view.cuts.filter { $0.control != own } + [Self.cutTimeout(timeout, view).cut].compactMap(\.self)
    }

    private func cutJobs(_ jobs: Int, on facts: MachineFacts) -> (jobs: Int, cut: LimitDeviation?) {
        let (value, cut) = view([.run], on: facts).cut(.integer(Int64(jobs)), of: .parallel, option: "--jobs")
        guard case .integer(let number) = value else { return (jobs, nil) }
        return (Int(number), cut)
    }

    private static func cutTimeout(_ timeout: Duration, _ view: PolicyView) -> (timeout: Duration, cut: LimitDeviation?)
    {
        let (value, cut) = view.cut(.duration(timeout), of: .timeout, option: "--timeout")
        guard case .duration(let duration) = value else { return (timeout, nil) }
        return (duration, cut)
    }

    /// The administrator's line that requires limits to be enforced; `nil`: everybody may prefer them.
    public var enforcementCeiling: PolicyOrigin? {
        let setting = ceiling[.document]?[.enforcement]
        return setting?.value == .text(Enforcement.required.rawValue) ? setting?.origin : nil
    }

    /// The administrator's line that says when updates may run; `nil`: everybody may say otherwise.
    public var windowCeiling: PolicyOrigin? {
        let setting = ceiling[.window]?[.allow]
        return setting?.value == .texts([]) ? nil : setting?.origin
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
