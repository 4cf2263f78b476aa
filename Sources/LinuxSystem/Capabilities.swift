// Capabilities (capabilities(7)): names and masks, of which libcap knows the names, and the sets of this process.

import CCap
import CLinux
import Glibc
import SystemPackage

/// A set of capabilities, bit N for capability N.
public struct CapabilitySet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// A name that is no capability's.
    public struct UnknownName: Error, Hashable, CustomStringConvertible {
        public let name: String
        public var description: String { "'\(name)' is no capability (see capabilities(7); for example cap_chown)" }
    }

    /// The capabilities of those names, with or without `cap_`, in any case.
    public init(names: some Sequence<String>) throws(UnknownName) {
        var mask: UInt64 = 0
        for name in names {
            let lowercase = name.lowercased()
            let full = lowercase.hasPrefix("cap_") ? lowercase : "cap_" + lowercase
            var value: cap_value_t = -1
            // libcap reads as far as a name goes and forgives what follows.
            guard cap_from_name(full, &value) == 0, (0..<64).contains(value), Self.name(of: value) == full else {
                throw UnknownName(name: name)
            }
            mask |= 1 << UInt64(value)
        }
        rawValue = mask
    }

    /// Names as libcap writes them, in the order of their numbers.
    public var names: [String] {
        (0..<64).filter { rawValue >> UInt64($0) & 1 == 1 }.map(Self.name)
    }

    /// A number where libcap is older than the capability.
    private static func name(of number: cap_value_t) -> String {
        guard let text = cap_to_name(number) else { return "\(number)" }
        defer { cap_free(text) }
        return String(cString: text)
    }

    /// What the calling thread, and what it starts, can ever have.
    public static func bounding() throws(Errno) -> CapabilitySet {
        var mask: UInt64 = 0
        _ = try retrying { clx_bounding_set(&mask) }
        return CapabilitySet(rawValue: mask)
    }

    /// Limits the calling thread and what it starts, for good.
    /// - Parameters:
    ///   - permitted: what the thread can make effective.
    ///   - bounding: what a program that it starts as root can have, where `no_new_privs` is not set.
    /// - Throws: `.notPermitted` without `cap_setpcap`, or where one of them is not permitted now.
    public static func limit(
        permitted: CapabilitySet, effective: CapabilitySet, bounding: CapabilitySet
    ) throws(Errno) {
        _ = try retrying { clx_limit_capabilities(permitted.rawValue, effective.rawValue, bounding.rawValue) }
    }

    /// The calling thread's sets.
    public static func current() throws(Errno) -> (
        permitted: CapabilitySet, effective: CapabilitySet, inheritable: CapabilitySet
    ) {
        var (permitted, effective, inheritable): (UInt64, UInt64, UInt64) = (0, 0, 0)
        _ = try retrying { clx_capability_sets(&permitted, &effective, &inheritable) }
        return (
            CapabilitySet(rawValue: permitted), CapabilitySet(rawValue: effective), CapabilitySet(rawValue: inheritable)
        )
    }
}
