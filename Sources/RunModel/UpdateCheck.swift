// What updates there are, before anything of them is done: what `update-all check` finds.

import UpdateModel

/// One package that would be updated.
public struct PendingPackage: Hashable, Sendable {
    public var name: String
    public var from: String?
    public var to: String?
    public var fetch: ByteCount?

    public init(name: String, from: String? = nil, to: String? = nil, fetch: ByteCount? = nil) {
        self.name = name
        self.from = from
        self.to = to
        self.fetch = fetch
    }
}

/// What one plugin would do.
public struct PluginCheck: Hashable, Sendable {
    public enum State: String, Hashable, Sendable, CaseIterable {
        case updates
        /// It runs, but does not say beforehand whether there is anything to do.
        case unknown
        case upToDate = "up_to_date"
        case notApplicable = "not_applicable"
        /// Disabled, and named all the same.
        case skipped
        /// Its check did not succeed.
        case failed
        case timedOut = "timed_out"
    }

    public var plugin: PluginName
    public var state: State
    /// As a clause: why it does not apply, what failed, what keeps the updates from being installed.
    public var reason: String?
    /// Those that it named.
    public var packages: [PendingPackage] = []
    /// How many there are, where it said so.
    public var packageCount: Int64?
    public var securityUpdates: Int64?
    public var fetch: ByteCount?
    public var duration: Duration?
    public var requiresReboot = false

    public init(plugin: PluginName, state: State, reason: String? = nil) {
        self.plugin = plugin
        self.state = state
        self.reason = reason
    }
}

public struct UpdateCheck: Hashable, Sendable {
    public var hostName: String
    /// By name.
    public var plugins: [PluginCheck]
    /// How long a run would take, in seconds; `nil` where a step's duration is not known.
    public var expectedSeconds: Double?

    public init(hostName: String, plugins: [PluginCheck], expectedSeconds: Double?) {
        self.hostName = hostName
        self.plugins = plugins
        self.expectedSeconds = expectedSeconds
    }

    public var hasUpdates: Bool { plugins.contains { $0.state == .updates } }
    public var hasFailures: Bool { plugins.contains { $0.state == .failed || $0.state == .timedOut } }

    /// What there is to fetch in all, of the plugins that say so; `nil`: none does.
    public var fetch: ByteCount? {
        let sizes = plugins.filter { $0.state == .updates }.compactMap(\.fetch)
        return sizes.isEmpty ? nil : sizes.reduce(ByteCount(0), +)
    }
}
