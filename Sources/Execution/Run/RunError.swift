// What ends a command before or instead of a run.

import UpdateModel

/// An error with the exit code that goes with it. Its description is what the person reads; it says what to do.
public struct RunError: Error, CustomStringConvertible, Sendable {
    public let exitCode: ExitCode
    /// One line or several, each without a full stop at its end.
    public let description: String

    public init(_ exitCode: ExitCode, _ description: String) {
        self.exitCode = exitCode
        self.description = description
    }
}
