// What stands against running a plugin that was found.

/// Why a plugin may not run, or would not as root.
public struct PluginObstacle: Hashable, Sendable {
    /// Why it would be refused as root, with the path and the mend; `nil` where nobody but root can change it.
    public var distrust: String?
    /// Why it cannot run as the account that it is for; `nil` where it can.
    public var refusal: String?
}
