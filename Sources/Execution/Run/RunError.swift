// What ends a command before or instead of a run.

import RunModel

/// An error with the exit code that goes with it. Its description is what the person reads; it says what to do.
public struct RunError: Error, CustomStringConvertible, Sendable {
    public let exitCode: ExitCode
    /// One line or several, each without a full stop at its end.
    public let description: String
    /// Each line begins with the file and the place in it, as compilers write them, so that editors find the place.
    public let namesPlaces: Bool

    public init(_ exitCode: ExitCode, _ description: String, namesPlaces: Bool = false) {
        self.exitCode = exitCode
        self.description = description
        self.namesPlaces = namesPlaces
    }
}
