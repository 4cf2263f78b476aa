// A plan: what will run, in which order, with which limits. Values only; Scheduling makes it, Execution follows it.

import UpdateModel

/// One step of a plan.
public struct PlannedStep: Hashable, Sendable {
    public var id: StepID
    /// The steps that must have ended before it starts.
    public var after: [StepID]
    /// Mutexes it holds while it runs.
    public var mutexes: [String]
    public var demand: Demand
    /// Control file → value, in the order in which they are written.
    public var limits: [ControlWrite]
    /// The account's name.
    public var runAs: String
    /// A commit: never killed, frozen or put under a limit that can kill it.
    public var isProtected: Bool
    /// Seconds after the run's start.
    public var startSeconds: Double
    public var durationSeconds: Double
    /// Whether anybody said how long it takes; if not, `durationSeconds` only serves the order.
    public var durationIsKnown: Bool
    /// Number of the start instant: steps of one wave start together.
    public var wave: Int
    /// What its start waits for, as people read it: `apt/execute (requires)`, `a download slot`, `mutex pkgmgr:apt`.
    public var waitsFor: String?
    /// `nil`: a plugin's step, as nearly all are.
    public var hook: HookMoment?

    public init(
        id: StepID, after: [StepID], mutexes: [String], demand: Demand, limits: [ControlWrite], runAs: String,
        isProtected: Bool, startSeconds: Double, durationSeconds: Double, durationIsKnown: Bool, wave: Int,
        waitsFor: String?, hook: HookMoment? = nil
    ) {
        self.id = id
        self.after = after
        self.mutexes = mutexes
        self.demand = demand
        self.limits = limits
        self.runAs = runAs
        self.isProtected = isProtected
        self.startSeconds = startSeconds
        self.durationSeconds = durationSeconds
        self.durationIsKnown = durationIsKnown
        self.wave = wave
        self.waitsFor = waitsFor
        self.hook = hook
    }
}

/// A plugin of which nothing runs, and why.
public struct SkippedPlugin: Hashable, Sendable {
    public var plugin: PluginName
    public var outcome: Outcome
    /// As a clause: `snap is not on PATH`.
    public var reason: String

    public init(plugin: PluginName, outcome: Outcome, reason: String) {
        self.plugin = plugin
        self.outcome = outcome
        self.reason = reason
    }
}

public struct Plan: Hashable, Sendable {
    /// Name of the policy in force.
    public var policy: String
    /// SHA-256 of all that the policy says; `nil`: not known.
    public var policyHash: String?
    public var hostName: String
    /// The policy's limits of the whole run, as people read them: `memory ≤ 4 GiB`, `CPU idle-class`, `3 steps at a time`.
    public var runLimits: [String]
    /// In start order.
    public var steps: [PlannedStep]
    public var skipped: [SkippedPlugin]
    public var makespanSeconds: Double
    public var criticalPath: [StepID]
    /// What is to be fetched in all; `nil`: no plugin said.
    public var fetch: ByteCount?
    /// Limits that are not enforced here, each named once.
    public var deviations: [LimitDeviation]
    /// `nil`: updates may run at any time.
    public var window: PlannedWindow?

    public init(
        policy: String, hostName: String, runLimits: [String], steps: [PlannedStep], skipped: [SkippedPlugin],
        makespanSeconds: Double, criticalPath: [StepID], fetch: ByteCount?, deviations: [LimitDeviation]
    ) {
        self.policy = policy
        self.hostName = hostName
        self.runLimits = runLimits
        self.steps = steps
        self.skipped = skipped
        self.makespanSeconds = makespanSeconds
        self.criticalPath = criticalPath
        self.fetch = fetch
        self.deviations = deviations
    }
}
