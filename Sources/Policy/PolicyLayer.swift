// Where the texts of a policy come from, and so who wins.

/// The kinds of layers, from the weakest to the strongest.
public enum PolicyLayer: Int, Sendable, Comparable, CaseIterable {
    /// Compiled in.
    case builtIn
    /// The shipped default, or what `--policy` names in its place.
    case base
    /// The administrator's files in `/etc`.
    case etc
    /// The user's file.
    case user
    /// `--set KEY=VALUE`.
    case set

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The text of one policy file.
public struct PolicyText: Hashable, Sendable {
    /// Its name as it is shown to people and handed back to find what it `extends`.
    public var file: String
    /// UTF-8.
    public var bytes: [UInt8]

    public init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
    }

    /// The policy's name: the last component of the path, without `.toml`.
    public var name: String {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        return last.hasSuffix(".toml") ? String(last.dropLast(5)) : last
    }
}

/// A file that is part of a merged policy.
public struct PolicySource: Hashable, Sendable {
    public let layer: PolicyLayer
    public let file: String
}

/// Where a value was given: `policies/site.toml:7`, `--set run.parallel=2`, `built-in`.
public struct PolicyOrigin: Hashable, Sendable, CustomStringConvertible {
    public let layer: PolicyLayer
    public let file: String
    /// From 1; `nil` for `--set`.
    public let line: Int?

    /// The built-in policy is no file that could be opened at a line.
    public var description: String {
        guard layer != .builtIn, let line else { return file }
        return "\(file):\(line)"
    }
}
