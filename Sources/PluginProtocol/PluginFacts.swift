// All that planning has to know of a plugin, whoever said it: its manifest, its answers, or its file.

import PluginInvocation
import PluginManifests
import RunModel
import UpdateModel

/// One phase that will run.
public struct PhaseFacts: Hashable, Sendable {
    public var phase: Phase
    public var command: PluginCommand
    /// Held while it runs. The downloads pool is no mutex: its units are in `demand`.
    public var mutexes: Set<MutexName> = []
    /// Must be free when it starts.
    public var free: Set<MutexName> = []
    /// Files that other programs lock.
    public var locks: [String] = []
    public var demand = Demand()
    /// `nil`: nobody said.
    public var duration: Duration?
    public var isProtected = false
    /// `nil`: it is only waited for.
    public var stopSignal: StopSignal?
    public var timeout: Duration

    public init(phase: Phase) {
        self.phase = phase
        command = PluginCommand(doing: phase)
        timeout = command.defaultTimeout
    }
}

/// What a plugin was found to be, and to have to do.
public struct PluginFacts: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        /// `phases` are to run.
        case runs
        case upToDate
        /// Why, as a clause: `snap is not on PATH`.
        case notApplicable(String)
        /// A question that must be answered was not: the plugin's check failed, or timed out.
        case failed(Outcome, String)
        /// It is not asked, since it may not run: why, as a clause.
        case refused(Outcome, String)
    }

    public var plugin: DiscoveredPlugin
    public var verdict: Verdict
    /// In order; empty unless it `runs` and a plan was asked for.
    public var phases: [PhaseFacts] = []
    public var requires: [PluginName] = []
    public var after: [PluginName] = []
    public var conflicts: [PluginName] = []
    /// `invokingUser` under a root that no person called is the owner of the plugin's file.
    public var runAs = RunAs.invokingUser
    /// It runs as the user and calls sudo itself, for `sudoPrograms`.
    public var callsSudo = false
    public var sudoPrograms: [String] = []
    /// `nil`: not asked, or unknown.
    public var estimate: Estimate?
    /// What there is to fetch. `nil`: nobody said.
    public var download: ByteCount?
    /// What did not go as it should and keeps nothing from running; as sentences without a full stop.
    public var warnings: [String] = []

    public var name: PluginName { plugin.name }

    public init(plugin: DiscoveredPlugin, verdict: Verdict) {
        self.plugin = plugin
        self.verdict = verdict
    }
}
