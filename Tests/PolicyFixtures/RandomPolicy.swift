// Policies of all kinds of values, for properties.

import TestSupport

/// Policies of any valid values.
package enum RandomPolicy {
    private static let group = [
        "memory_high = \"25%\"", "memory_high = \"33.333%\"", "memory_swap_max = 0", "memory_swap_max = \"12.5%\"",
        "cpu_quota = \"12.5% of machine\"", "cpu_quota = \"150%\"", "cpu_quota = \"infinity\"",
        "cpu_weight = \"idle\"", "cpu_weight = 7", "io_weight = 10", "tasks_max = \"infinity\"", "tasks_max = 99",
        "io = []", "io = [{ path = '/a \"b\\', write_bandwidth_max = \"1.5M\" }, { path = \"/\", read_iops_max = 9 }]",
    ]
    private static let step = [
        "nice = -20", "nice = 19", "no_new_privileges = false", "capabilities = [\"NET_ADMIN\", \"cap_kill\"]",
        "capabilities = []", "leftovers = \"report\"", "stop_grace = \"0s\"", "wait_timeout = \"1d2h3m4s5ms\"",
        "oom_retry = 3", "pty = \"never\"", "timeout = \"1.5h\"",
    ]
    private static let tables: [(header: String, lines: [String])] = [
        ("", ["description = \"ü \\u0007 \\\" \\\\ \"", "enforcement = \"required\""]),
        ("run", group + ["memory_max = \"900K\"", "parallel = 7", "downloads = 1", "download_rate = \"1.5G\""]),
        ("hooks", ["before_run = [\"/a b\", \"/c\"]", "after_run = []"]),
        ("protect", ["cpu_some = \"0.5%\"", "load_per_cpu = 1.5", "load_per_cpu = 2", "cgroups = [\"a.slice/b\"]"]),
        ("window", ["allow = [\"Mon..Fri 22:00-05:00\"]", "finish_by = true"]),
        ("log", ["keep_days = 9", "keep_bytes = \"8G\"", "step_bytes = 4097"]),
        ("step", group + step), ("step.download", group + step),
        ("plugin.apt", group + step + ["run_as = \"www-data\""]),
        ("plugin.apt.execute", group + step), ("plugin.\"my.tool\".check", group + step),
    ]

    package static func text(_ generator: inout SeededGenerator) -> String {
        tables.reduce(into: "") { text, table in
            guard table.header.isEmpty || Bool.random(using: &generator) else { return }
            if !table.header.isEmpty { text += "[\(table.header)]\n" }
            var keys: Set<Substring> = []
            for line in table.lines.shuffled(using: &generator) {
                let key = line.prefix { $0 != " " }
                guard Bool.random(using: &generator), keys.insert(key).inserted else { continue }
                text += line + "\n"
            }
        }
    }
}
