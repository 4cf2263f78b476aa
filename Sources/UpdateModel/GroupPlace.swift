// The groups of a run, by what they are for.

/// The group of one try of one step.
public struct StepGroup: Hashable, Sendable {
    public var step: StepID
    /// From 1.
    public var attempt: Int32
    /// It is a commit, and in the branch of those.
    public var isProtected: Bool

    public init(_ step: StepID, attempt: Int32, isProtected: Bool) {
        self.step = step
        self.attempt = attempt
        self.isProtected = isProtected
    }

    /// The group's name: `apt.execute`, `apt.execute.2`.
    public var name: String { step.leafName(attempt: Int(attempt)) }
}

/// A group of a run.
public enum GroupPlace: Hashable, Sendable {
    case run
    /// The branch of steps that may be killed.
    case steps
    /// The branch of commits.
    case protected
    case step(StepGroup)

    /// Nothing in it may be killed.
    public var hasCommits: Bool {
        switch self {
        case .run, .protected: true
        case .steps: false
        case .step(let group): group.isProtected
        }
    }
}
