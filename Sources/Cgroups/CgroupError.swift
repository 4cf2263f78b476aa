// What can go wrong with a control group, in words that say on which path and what helps.

import SystemPackage

/// An operation on a control group that failed.
public struct CgroupError: Error, Hashable, CustomStringConvertible {
    /// As a verb with its object: `create the group`.
    public let attempt: String
    /// Absolute, as the file system shows it.
    public let path: String
    public let errno: Errno
    /// What to do about it, as a clause; empty where nothing is known to help.
    public let advice: String

    public init(attempt: String, path: String, errno: Errno, advice: String = "") {
        self.attempt = attempt
        self.path = path
        self.errno = errno
        self.advice = advice
    }

    public var description: String {
        "could not \(attempt) \(path): \(errno)" + (advice.isEmpty ? "" : " (\(advice))")
    }
}

extension Errno {
    /// The group, or the file in it, has gone while we looked at it (ENODEV: after the file was opened).
    var meansGone: Bool { self == .noSuchFileOrDirectory || self == .operationNotSupportedByDevice }
}
