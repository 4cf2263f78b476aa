import Governing
import Testing
import UpdateModel

@Suite("The rules of a run's downloads")
struct DownloadRuleTests {
    @Test("are a table of the run's own that the kernel removes with its owner, and a rule for the run's group")
    func commands() throws {
        let run = try #require(RunID("20261121-073012-4711"))
        let rules = DownloadRules(
            run: run, group: "updateall.slice/run-20261121-073012-4711", level: 2, rate: ByteCount(20 << 20))
        #expect(
            rules.commands == """
                add table inet update-all.20261121-073012-4711 { flags owner; }
                add chain inet update-all.20261121-073012-4711 input { type filter hook input priority 0; policy accept; }
                add rule inet update-all.20261121-073012-4711 input socket cgroupv2 level 2 \
                "updateall.slice/run-20261121-073012-4711" limit rate over 20971520 bytes/second drop
                list table inet update-all.20261121-073012-4711

                """)
        #expect(
            rules.replacement == """
                flush chain inet update-all.20261121-073012-4711 input; \
                add rule inet update-all.20261121-073012-4711 input socket cgroupv2 level 2 \
                "updateall.slice/run-20261121-073012-4711" limit rate over 20971520 bytes/second drop
                list table inet update-all.20261121-073012-4711

                """)
    }

    @Test("are in force when nft shows the limit, and not before")
    func inForce() {
        #expect(
            DownloadRules.areInForce(in: "\t\tsocket cgroupv2 level 1 \"a\" limit rate over 20 mbytes/second drop\n"))
        #expect(!DownloadRules.areInForce(in: "table inet update-all.x { # progname nft\n\tflags owner\n"))
        #expect(!DownloadRules.areInForce(in: ""))
    }

    @Test("cannot be ended by what is in a group's name")
    func quotes() throws {
        let run = try #require(RunID("20261121-073012-4711"))
        let rules = DownloadRules(run: run, group: "a\"\nflush ruleset\n", level: 1, rate: ByteCount(1))
        #expect(rules.commands.contains("level 1 \"aflush ruleset\" limit"))
        #expect(rules.commands.split(separator: "\n").count == 4)
    }
}
