// Mutexes: what two steps must not use at the same time.

/// The name of a mutex, in lower case: names are case-insensitive.
///
/// `category:resource` (`pkgmgr:dpkg`), or a bare word; at most 64 characters.
public struct MutexName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: String

    /// The one name that is no mutex but a pool, with as many units as the policy's `downloads`.
    public static let downloadsPool = MutexName(unchecked: "network:download")

    /// What `init(_:)` accepts, for messages.
    static let rule = "letters, digits, - and _, or category:resource, whose resource may have . and +; 64 at most"

    /// `nil` where `text` is not a valid name.
    public init?(_ text: some StringProtocol) {
        guard (1...64).contains(text.utf8.count) else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, !first.isEmpty, first.allSatisfy(Self.isWordByte) else {
            return nil
        }
        if parts.count == 2 {
            // Runtimes and applications have dots in their names. No slash: a mutex is also the name of a lock file.
            let isValid = parts[1].allSatisfy { Self.isWordByte($0) || ".+".utf8.contains($0) }
            guard isValid, !parts[1].isEmpty else { return nil }
        }
        rawValue = text.lowercased()
    }

    private init(unchecked text: String) { rawValue = text }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a phase holds while it runs.
public struct MutexClaims: Hashable, Sendable {
    public var mutexes: Set<MutexName> = []
    /// Units of the downloads pool, of which mutexes know nothing.
    public var downloads = 0

    public init() {}

    /// Adds an entry of a list: `name`, or `network:download=2`.
    /// - Throws: `InvalidClaim` where it is not valid.
    package mutating func insert(_ text: some StringProtocol) throws(InvalidClaim) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = MutexName(parts[0]) else {
            throw InvalidClaim(message: "\"\(parts[0].prefix(100))\" is not the name of a mutex (\(MutexName.rule))")
        }
        guard parts.count == 2 else {
            if name == .downloadsPool { downloads = max(downloads, 1) } else { mutexes.insert(name) }
            return
        }
        guard name == .downloadsPool else {
            throw InvalidClaim(message: "\"\(name)\" is a mutex and has no units; only \(MutexName.downloadsPool) has")
        }
        guard let units = Int(parts[1]), (1...1000).contains(units) else {
            throw InvalidClaim(message: "\"\(parts[1].prefix(20))\" is not a number of units (1…1000)")
        }
        downloads = max(downloads, units)
    }

    /// Joins a static and a dynamic list: units are not added up, both speak of the same phase.
    package mutating func formUnion(_ other: MutexClaims) {
        mutexes.formUnion(other.mutexes)
        downloads = max(downloads, other.downloads)
    }

    package struct InvalidClaim: Error { package let message: String }
}
