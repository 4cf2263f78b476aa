// What a session is made from.

import Policy
import UpdateModel

/// What an invocation is about.
public struct SessionConfiguration: Sendable {
    public var places: Places
    public var policy: MergedPolicy
    public var selection: Selection
    public var options = RunOptions()
    /// Of this process.
    public var environment: [String: String]
    public var version: String

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
