// A run's download rate as the kernel can hold it: a table of nftables (nft(8)) that belongs to one run.

import UpdateModel

/// The rules by which what the processes of one control group receive is held to a rate.
///
/// The table has an owner: the kernel removes it with the process that made it, however that ends (Linux 5.12), so that no
/// run leaves a rule behind. Received packets are counted in the input hook, where the socket they are for is known, and
/// with it the control group of the process that opened it (Linux 5.13); beyond the rate they are dropped, and the sender
/// slows down. Nothing that is sent is held back.
public struct DownloadRules: Hashable, Sendable {
    /// What an interactive nft is told, one command a line; the last one has it print the rule as the kernel has it.
    public let commands: String
    /// The same for a table that is there: its rule gives way to this one, in one transaction, so that there is always one.
    public let replacement: String

    /// - Parameters:
    ///   - group: relative to `/sys/fs/cgroup`, where nft looks for it.
    ///   - level: how deep the group is below the root of the hierarchy; 1: a child of it.
    ///   - rate: bytes a second.
    public init(run: RunID, group: String, level: Int, rate: ByteCount) {
        let table = "inet update-all.\(run)"
        let rule =
            "socket cgroupv2 level \(level) \(Self.quoted(group)) limit rate over \(rate.bytes) bytes/second drop"
        commands = """
            add table \(table) { flags owner; }
            add chain \(table) input { type filter hook input priority 0; policy accept; }
            add rule \(table) input \(rule)
            list table \(table)

            """
        replacement = """
            flush chain \(table) input; add rule \(table) input \(rule)
            list table \(table)

            """
    }

    /// Whether what nft printed shows the rule in force.
    public static func areInForce(in output: String) -> Bool { output.contains(" limit rate over ") }

    /// nft has no way to write a quote in a string, and groups that systemd or we name have none.
    private static func quoted(_ path: String) -> String { "\"\(path.filter { $0 != "\"" && $0 != "\n" })\"" }
}
