// From plugins to a problem: what runs of each plugin, what it waits for, and what of it cannot run at all.

import RunModel
import UpdateModel

/// A plugin of which something is to run.
public struct PluginNode: Sendable {
    /// One step: a phase that will run.
    public struct Step: Sendable {
        public var phase: Phase
        /// Mutexes held while it runs: `pkgmgr:apt`; of the pool, `network:download` or `network:download=2`.
        public var mutexes: [String]
        /// Mutexes that must be free when it starts.
        public var freeMutexes: [String]
        public var demand: Demand
        /// Seconds that it is expected to take.
        public var duration: Double

        public init(
            phase: Phase, mutexes: [String] = [], freeMutexes: [String] = [], demand: Demand = Demand(),
            duration: Double
        ) {
            self.phase = phase
            self.mutexes = mutexes
            self.freeMutexes = freeMutexes
            self.demand = demand
            self.duration = duration
        }
    }

    public var name: PluginName
    /// What will run of it, each phase at most once.
    public var steps: [Step]
    public var requires: [PluginName]
    public var after: [PluginName]
    public var conflicts: [PluginName]
    /// It stands for a program that runs before or after all plugins; `nil`: a plugin.
    public var hook: HookMoment?

    public init(
        name: PluginName, steps: [Step], requires: [PluginName] = [], after: [PluginName] = [],
        conflicts: [PluginName] = [], hook: HookMoment? = nil
    ) {
        self.name = name
        self.steps = steps.sorted { $0.phase < $1.phase }
        self.requires = requires
        self.after = after
        self.conflicts = conflicts
        self.hook = hook
    }
}

/// A plugin that exists and of which nothing is to run.
public struct AbsentPlugin: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// The person asked for others.
        case notSelected
        /// Known before anything runs: `up_to_date`, `not_applicable`, `skipped`, … with the reason as a clause.
        case ended(Outcome, reason: String)
    }

    public var name: PluginName
    public var state: State

    public init(name: PluginName, state: State) {
        self.name = name
        self.state = state
    }
}

/// What all steps of a run share.
public struct RunCapacities: Hashable, Sendable {
    /// Steps at the same time.
    public var parallel: Int
    /// Units of the pool `network:download`.
    public var downloads: Int
    /// `nil`: not shared out; a step's demand for it then counts for nothing.
    public var cpus: Double?
    public var memory: ByteCount?

    public init(parallel: Int, downloads: Int, cpus: Double? = nil, memory: ByteCount? = nil) {
        self.parallel = parallel
        self.downloads = downloads
        self.cpus = cpus
        self.memory = memory
    }
}

/// The steps of a run as a problem, with the way back from its jobs to steps.
///
/// `apt/execute` follows `apt/download`. Where `b` requires `a` or comes after it, the last phase of `a` goes before
/// the execute phase of `b`; its download waits for nobody. Hooks come before or after all of it. Plugins in conflict exclude each other like holders of one
/// mutex.
public struct StepGraph: Sendable {
    public let problem: Problem
    /// Plugins of which nothing runs since something that they require does not run either.
    public let skipped: [SkippedPlugin]
    private let steps: [StepID]
    private let jobs: [StepID: JobIndex]
    private let demands: [Demand]

    /// The pool that every download phase holds a unit of.
    public static let downloadPool = "network:download"

    /// - Throws: where a required plugin is unknown, plugins wait for each other in a cycle, or a step needs more than
    ///   there is.
    public init(
        _ nodes: [PluginNode], absent: [AbsentPlugin] = [], capacities: RunCapacities
    ) throws(StepGraphError) {
        let selection = try Selection(nodes, absent: absent)
        try checkForCycle(selection.running)
        skipped = selection.skipped
        var steps: [StepID] = []
        var demands: [Demand] = []
        do throws(ProblemError) {
            var builder = ProblemBuilder()
            for (name, amount) in capacities.named { try builder.add(capacity: name, amount) }
            for node in selection.running {
                for (position, step) in node.steps.enumerated() {
                    let pooled = PooledStep(step, downloads: capacities.downloads)
                    steps.append(StepID(node.name, step.phase))
                    demands.append(pooled.demand)
                    try builder.add(
                        JobDescription(
                            id: "\(node.name)/\(step.phase)", duration: step.duration,
                            predecessors: selection.predecessors(of: position, in: node).map { ("\($0)", $1) },
                            mutexes: pooled.mutexes + selection.conflictMutexes(of: node),
                            freeMutexes: pooled.freeMutexes, demand: pooled.demand.named(within: capacities),
                            isFinal: node.hook == .afterRun))
                }
            }
            problem = try builder.build()
        } catch {
            throw StepGraphError(error)
        }
        self.steps = steps
        self.demands = demands
        jobs = Dictionary(uniqueKeysWithValues: steps.enumerated().map { ($1, JobIndex($0)) })
    }

    public func step(_ job: JobIndex) -> StepID { steps[job.position] }

    /// `nil` where the step does not run.
    public func job(_ step: StepID) -> JobIndex? { jobs[step] }

    /// The steps that must have ended before `job` starts, sorted.
    public func predecessors(of job: JobIndex) -> [StepID] {
        problem.predecessors(of: job).map { step($0.job) }.sorted()
    }

    /// What the step holds while it runs, the download pool too, but not what stands for conflicts.
    public func mutexes(of job: JobIndex) -> [String] {
        problem.mutexes(of: job).filter { Conflict($0) == nil }
            + (demands[job.position].downloads > 0 ? [Self.downloadPool] : [])
    }

    public func demand(of job: JobIndex) -> Demand { demands[job.position] }

    /// What a step's start waits for, as people read it: `apt/execute (requires)`, `a download slot`.
    public func text(of cause: Schedule.Cause, for job: JobIndex) -> String {
        switch cause {
        case .predecessor(let other, let kind):
            step(other).plugin == step(job).plugin
                ? "\(step(other))" : "\(step(other)) (\(kind == .requires ? "requires" : "after"))"
        case .mutex(let name, let holder):
            Conflict(name) == nil ? "mutex \(name)" : "\(step(holder)) (conflicts)"
        case .capacity(let name, _):
            switch Self.waitReason(forCapacity: name) {
            case .downloads: "a download slot"
            case .cpu: "CPU"
            case .memory: "memory"
            default: "a free slot"
            }
        case .turn(let other): "its turn, after \(step(other))"
        }
    }

    /// An obstacle as events tell it.
    public func waitReason(_ obstacle: Dispatcher.Obstacle) -> WaitReason {
        switch obstacle {
        case .mutex(let name, _): .mutex(name)
        case .capacity(let name): Self.waitReason(forCapacity: name)
        case .foreignLock(let name, let holder): WaitReason(foreignLock: name, holder: holder)
        case .hold: .pressure  // the run itself knows of other reasons
        }
    }

    /// What a step takes at least that is tried again for want of memory.
    public static func amounts(for retry: MemoryRetry) -> [NamedAmount] {
        switch retry {
        case .larger(let share): [NamedAmount("memory", Double(share.bytes))]
        case .alone: [NamedAmount("memory", .infinity), NamedAmount("parallel", .infinity)]
        }
    }

    private static func waitReason(forCapacity name: String) -> WaitReason {
        switch name {
        case "cpus": .cpu
        case "memory": .memory
        case "downloads": .downloads
        default: .parallel
        }
    }
}

extension RunCapacities {
    /// As the problem names them.
    fileprivate var named: [(String, Double)] {
        [("parallel", Double(parallel)), ("downloads", Double(downloads))]
            + (cpus.map { [("cpus", $0)] } ?? []) + (memory.map { [("memory", Double($0.bytes))] } ?? [])
    }
}

extension Demand {
    /// As the problem names it: one of `parallel`, and of what is shared out what is known. A step that is expected to
    /// need more than the run has gets all of it, so that it runs alone: its limits hold, and it may do with less.
    fileprivate func named(within capacities: RunCapacities) -> [NamedAmount] {
        var amounts = [NamedAmount("parallel", 1)]
        if downloads > 0 { amounts.append(NamedAmount("downloads", Double(downloads))) }
        if let cpus, let all = capacities.cpus { amounts.append(NamedAmount("cpus", min(cpus, all))) }
        if let memory, let all = capacities.memory {
            amounts.append(NamedAmount("memory", Double(min(memory, all).bytes)))
        }
        return amounts
    }
}

/// A step with what it takes of the download pool counted as demand: the pool is a capacity, not a mutex.
private struct PooledStep {
    let mutexes: [String]
    let freeMutexes: [String]
    let demand: Demand

    /// - Parameter downloads: the size of the pool. A step that wants more of it gets all of it.
    init(_ step: PluginNode.Step, downloads: Int) {
        let held = step.mutexes.map(Self.parse)
        let free = step.freeMutexes.map(Self.parse)
        mutexes = held.filter { !$0.isPool }.map(\.name)
        freeMutexes = free.filter { !$0.isPool }.map(\.name)
        // A pool is free for a step where a unit is left for it.
        let wanted = (held + free).filter(\.isPool).map(\.units).max() ?? 0
        var demand = step.demand
        demand.downloads = max(demand.downloads, wanted, step.phase == .download ? 1 : 0)
        demand.downloads = min(demand.downloads, max(1, downloads))
        self.demand = demand
    }

    /// `name` or `name=units`.
    private static func parse(_ text: String) -> (name: String, units: Int, isPool: Bool) {
        let parts = text.split(separator: "=", maxSplits: 1)
        let name = parts.first.map(String.init) ?? text
        let units = parts.count == 2 ? Int(parts[1]) ?? 1 : 1
        return (name, max(1, units), name.lowercased() == StepGraph.downloadPool)
    }
}
