import PolicyFixtures
import Testing
import UpdateModel

@testable import Policy

/// Lines of tables.
enum ValueExamples {
    static let accepted: [(table: String, line: String)] = [
        ("run", "memory_max = 1073741824"), ("run", "memory_max = \"1.5G\""), ("run", "memory_max = \"12.5%\""),
        ("run", "memory_max = \"infinity\""), ("run", "memory_swap_max = 0"), ("run", "memory_swap_max = \"0%\""),
        ("run", "cpu_quota = \"250%\""), ("run", "cpu_quota = \"50% of machine\""),
        ("run", "cpu_quota = \"infinity\""),
        ("step", "cpu_weight = \"idle\""), ("step", "cpu_weight = 10000"), ("step", "tasks_max = \"infinity\""),
        ("step", "nice = -20"), ("step", "nice = 19"), ("step", "capabilities = [\"cap_chown\", \"NET_ADMIN\"]"),
        ("step", "timeout = \"1d\""), ("step", "stop_grace = \"0s\""), ("window", "allow = [\"22:00-05:00\"]"),
        ("window", "allow = [\"Fri..Mon,Wed 00:00-23:59\"]"), ("protect", "load_per_cpu = 2"),
        ("plugin.a", "run_as = \"user\""), ("plugin.a", "run_as = \"www-data\""),
        ("run", "io = []"), ("run", "io = [{ path = \"/srv\", read_iops_max = 1 }]"),
        ("run", "io = [{ path = \"/srv\", read_bandwidth_max = 1000 }]"),
    ]

    /// With a part of the message.
    static let refused: [(table: String, line: String, part: String)] = [
        (
            "run", "memory_max = \"512MB\"",
            "14: \"memory_max\" must be a size above 0 such as \"512M\" or \"1.5G\", a share of the memory such as \"25%\", or \"infinity\", not \"512MB\" (did you mean \"512M\"?)"
        ),
        ("run", "memory_max = \"512 MiB\"", "did you mean \"512M\"?"),
        ("run", "memory_max = \"512m\"", "did you mean \"512M\"?"),
        ("run", "memory_max = 0", "above 0"), ("run", "memory_max = \"0\"", "above 0"),
        ("run", "memory_max = \"101%\"", "not \"101%\""),
        ("run", "memory_max = -1", "not -1"), ("run", "memory_max = 1.5", "not 1.5"),
        ("run", "memory_max = true", "not true"),
        ("run", "memory_max = 2026-01-01", "not a date or time"), ("run", "memory_max = []", "not an array"),
        ("run", "memory_swap_max = -1", "must be a size such as"), ("run", "cpu_quota = \"0%\"", "above 0%"),
        ("run", "cpu_quota = 50", "did you mean \"50%\"?"), ("run", "cpu_quota = \"50\"", "did you mean \"50%\"?"),
        ("run", "cpu_quota = \"200% of machine\"", "of machine"),
        ("run", "cpu_quota = \"1.5.2%\"", "must be a share of one CPU"),
        ("run", "cpu_quota = \"1.2345%\"", "must be"), ("run", "cpu_quota = \"%\"", "must be"),
        ("run", "cpu_quota = \"9999999%\"", "must be"),
        ("run", "cpu_weight = 0", "must be 1…10000 or \"idle\", not 0"),
        ("run", "cpu_weight = \"idel\"", "did you mean \"idle\"?"),
        ("run", "cpu_weight = \"20\"", "did you mean 20?"),
        ("run", "io_weight = 10001", "must be an integer, 1…10000, not 10001"),
        ("run", "tasks_max = 0", "1…4194304"), ("run", "tasks_max = \"5\"", "did you mean 5?"),
        ("run", "parallel = 0", "1…1024"),
        ("run", "download_rate = \"20MB/s\"", "did you mean \"20M\"?"), ("run", "download_rate = 0", "above 0"),
        ("run", "download_enforce = \"True\"", "must be true or false, not \"True\" (did you mean true?)"),
        ("step", "nice = 20", "-20…19, not 20"),
        (
            "step", "leftovers = \"kil\"",
            "one of \"kill\", \"keep\", \"report\", not \"kil\" (did you mean \"kill\"?)"
        ),
        ("step", "pty = 1", "one of \"auto\""),
        ("step", "timeout = 90", "above 0 such as \"90s\", \"10m\" or \"1h30m\", not 90 (did you mean \"90s\"?)"),
        ("step", "timeout = \"0s\"", "above 0"), ("step", "timeout = 0", "not 0"),
        ("step", "timeout = \"10min\"", "did you mean \"10m\"?"),
        ("step", "timeout = \"1h 30min\"", "did you mean \"1h30m\"?"),
        ("step", "stop_grace = \"soon\"", "must be a duration such as"),
        ("step", "capabilities = [\"cap_chwon\"]", "did you mean \"cap_chown\"?"),
        ("step", "capabilities = [1]", "a list of capabilities"),
        ("step", "capabilities = \"cap_chown\"", "a list of capabilities"), ("step", "oom_retry = 11", "0…10"),
        ("protect", "cpu_some = 20", "did you mean \"20%\"?"), ("protect", "cpu_some = \"0%\"", "above 0%"),
        ("protect", "load_per_cpu = 0", "a number above 0"), ("protect", "load_per_cpu = inf", "a number above 0"),
        ("protect", "cgroups = [\"../x\"]", "a path below the cgroup mount"),
        ("protect", "action = \"slov\"", "\"slow-then-freeze\", not \"slov\" (did you mean \"slow\"?)"),
        ("window", "allow = [\"Mo 22:00-05:00\"]", "a window such as"),
        ("window", "allow = [\"22:00-25:00\"]", "a window such as"),
        ("window", "allow = [\"22:00-22:00\"]", "a window such as"),
        ("window", "allow = [\"Mon 22-23\"]", "a window such as"),
        ("window", "allow = [\"Mon. 22:00-23:00\"]", "a window such as"),
        ("window", "allow = \"always\"", "a list, each a window"),
        ("hooks", "before_run = [\"snapshot\"]", "an absolute path"),
        ("hooks", "before_run = [\"/a/../b\"]", "an absolute path"),
        ("plugin.a", "run_as = \"no one\"", "the name of an account"),
        ("plugin.a", "run_as = \"\"", "the name of an account"),
        ("plugin.a", "sha256 = \"abc\"", "64 hexadecimal digits"), ("log", "keep_days = 0", "1…36500"),
        ("run", "io = \"/\"", "a list such as"), ("run", "io = [1]", "a list of tables"),
        ("run", "io = [{ read_iops_max = 1 }]", "needs a \"path\""),
        ("run", "io = [{ path = \"/\" }]", "limits nothing here"),
        ("run", "io = [{ path = \"x\", read_iops_max = 1 }]", "\"path\" must be an absolute path"),
        ("run", "io = [{ path = \"/\", read_iops_max = 0 }]", "\"read_iops_max\" must be an integer above 0"),
        ("run", "io = [{ path = \"/\", write_bandwidth_max = \"40MB\" }]", "not \"40MB\" (did you mean \"40M\"?)"),
        (
            "run", "io = [{ path = \"/\", read_iops = 3 }]",
            "unknown key \"read_iops\" in \"io\" (did you mean \"read_iops_max\"?)"
        ),
    ]
}

@Suite("Values")
struct ValueTests {
    @Test("are accepted in every form that the contract names", arguments: ValueExamples.accepted)
    func accepted(table: String, line: String) {
        #expect(messages("[\(table)]\n\(line)") == [])
    }

    @Test("that are wrong are refused with what would be right", arguments: ValueExamples.refused)
    func refused(table: String, line: String, part: String) {
        let found = messages("[\(table)]\n\(line)")
        #expect(found.count == 1 && found[0].hasPrefix("base.toml:2:") && found[0].contains(part), "\(found)")
    }

    @Test("the top of the file has its own")
    func document() {
        #expect(messages("enforcement = \"require\"")[0].contains("did you mean \"required\"?"))
        #expect(messages("description = 1") == ["base.toml:1:15: \"description\" must be a text, not 1"])
    }

    @Test("a long value is shown shortened")
    func longValue() {
        let long = String(repeating: "x", count: 1000)
        #expect(messages("[step]\npty = \"\(long)\"")[0].utf8.count < 250)
    }

    @Test("the canonical text of a value is TOML that reads back as the same value")
    func canonical() throws {
        let text = """
            [run]
            memory_max = "1536M"
            memory_high = "29%"
            memory_swap_max = 1000
            cpu_quota = "12.5% of machine"
            cpu_weight = "idle"
            io = [{ path = "/a\\"b", read_iops_max = 3, write_bandwidth_max = "1G" }]
            tasks_max = "infinity"
            [step]
            timeout = "1h30m"
            wait_timeout = "1.5s"
            cpu_quota = "infinity"
            cpu_weight = 7
            tasks_max = 9
            [protect]
            load_per_cpu = 1.5
            io_some = "0.5%"
            cgroups = ["a\\u0001\\\\b"]
            """
        let policy = try merge(base: text)
        let canonical = String(decoding: policy.canonicalText, as: UTF8.self)
        #expect(canonical.contains("run.memory_high = \"29%\"\n"))
        #expect(canonical.contains("step.timeout = \"1h30m\"\n"))
        #expect(canonical.contains("step.wait_timeout = \"1s500ms\"\n"))
        #expect(try merge(base: canonical).canonicalText == policy.canonicalText)
        let reordered = text.split(separator: "[step]").reversed().joined(separator: "\n")
        #expect(reordered != text)
        #expect(
            try merge(base: "[step]" + reordered.replacing("[run]", with: "\n[run]")).canonicalText
                == policy.canonicalText)
    }
}
