// What a session is made from.

import LinuxSystem
import PluginInvocation
import Policy
import Privilege
import UpdateModel

/// What an invocation is about.
public struct SessionConfiguration: Sendable {
    public var places: Places
    public var policy: MergedPolicy
    public var selection: Selection
    public var options = RunOptions()
    /// From the configuration; they override those of the manifests.
    public var pluginSettings: [PluginName: [PluginSetting]] = [:]
    /// How steps that need root get it where we are not root; `nil`: not at all.
    public var elevation: Elevation?
    /// Of this process.
    public var environment: [String: String]
    public var version: String
    /// When it began; its run is named by it. Two sessions of one process in the same second would share their groups.
    public var start = calendarTime()
    /// What the policy's window is read from.
    public var clock: @Sendable () -> Timestamp = calendarTime

    public init(
        places: Places, policy: MergedPolicy, selection: Selection, environment: [String: String], version: String
    ) {
        self.places = places
        self.policy = policy
        self.selection = selection
        self.environment = environment
        self.version = version
    }
}
