// The kernel's own words on mounts and groups: pure functions over the text of files below /proc/self.

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
public struct Mount: Hashable, Sendable {
    /// `major:minor` of the file system.
    public var device: String
    /// The directory of the file system that is mounted.
    public var root: String
    public var mountPoint: String
    public var type: String
    public var source: String

    /// The mounts in `text`, in the order in which they were made; lines of another form are left out.
    public static func parse(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            // Optional fields end with a lone "-"; how many there are differs.
            guard fields.count >= 9, let dash = fields[6...].firstIndex(of: "-"), dash + 2 < fields.count else {
                return nil
            }
            return Mount(
                device: String(fields[2]), root: unescaped(fields[3]), mountPoint: unescaped(fields[4]),
                type: String(fields[dash + 1]), source: unescaped(fields[dash + 2]))
        }
    }

    /// The mount that a path lies on: the last one whose mount point is the longest prefix of `path`.
    /// - Parameter path: absolute and without symbolic links.
    public static func containing(_ path: String, in mounts: [Mount]) -> Mount? {
        mounts.reduce(nil) { best, mount in
            guard mount.contains(path), mount.mountPoint.utf8.count >= best?.mountPoint.utf8.count ?? 0 else {
                return best
            }
            return mount
        }
    }

    private func contains(_ path: String) -> Bool {
        mountPoint == "/" || path == mountPoint || path.hasPrefix(mountPoint + "/")
    }

    /// Space, tab, newline and backslash are written as `\040` and so on.
    private static func unescaped(_ field: Substring) -> String {
        guard field.utf8.contains(0x5C) else { return String(field) }
        var result: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 0x5C, digits.count == 3, let value = UInt8(Substring(digits), radix: 8) {
                result.append(value)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// The group of cgroup v2 in the text of `/proc/self/cgroup`, as a path below the mount: its line begins with `0::` and may
/// stand anywhere among those of v1 (cgroups(7)). `nil` where there is no v2.
public func unifiedGroup(in text: String) -> String? {
    text.split(separator: "\n").first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) }
}
