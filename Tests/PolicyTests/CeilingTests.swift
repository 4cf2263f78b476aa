import PolicyFixtures
import PolicyReports
import RunPolicy
import TestSupport
import Testing
import UpdateModel

@testable import Policy

/// Values of keys, from the tightest to the loosest on `machine`.
private let fromTightest: [PolicyKey: [String]] = [
    .memoryHigh: ["\"64M\"", "1073741824", "\"25%\"", "\"5G\"", "\"100%\"", "\"infinity\""],
    .memoryMax: ["\"64M\"", "\"1G\"", "\"25%\"", "\"5G\"", "\"100%\"", "\"infinity\""],
    .memorySwapMax: ["0", "\"1M\"", "\"1%\"", "\"1G\"", "\"infinity\""],
    .cpuQuota: ["\"0.5%\"", "\"100%\"", "\"25% of machine\"", "\"300%\"", "\"100% of machine\"", "\"infinity\""],
    .cpuWeight: ["\"idle\"", "1", "20", "100", "10000"],
    .ioWeight: ["1", "20", "10000"],
    .tasksMax: ["1", "512", "4194304", "\"infinity\""],
    .nice: ["19", "10", "0", "-20"],
    .noNewPrivileges: ["true", "false"],
    .leftovers: ["\"kill\"", "\"report\"", "\"keep\""],
    .stopGrace: ["\"0s\"", "\"500ms\"", "\"10s\"", "\"1h\""],
    .waitTimeout: ["\"0s\"", "\"30m\"", "\"1d\""],
    .oomRetry: ["0", "1", "10"],
    .timeout: ["\"1s\"", "\"10m\"", "\"1d\""],
    .selfUpdate: ["false", "true"],
    .parallel: ["1", "3", "1024"],
    .downloads: ["1", "3", "1024"],
    .downloadRate: ["\"1K\"", "\"20M\"", "\"1G\""],
    .downloadEnforce: ["true", "false"],
    .cpuSome: ["\"0.5%\"", "\"20%\"", "\"100%\""],
    .memorySome: ["\"0.5%\"", "\"20%\"", "\"100%\""],
    .ioSome: ["\"0.5%\"", "\"20%\"", "\"100%\""],
    .loadPerCPU: ["0.5", "1", "1.5", "40"],
    .action: ["\"freeze\"", "\"slow-then-freeze\"", "\"slow\""],
    .resumeAfter: ["\"1h\"", "\"30s\"", "\"0s\""],
    .finishBy: ["true", "false"],
    .enforcement: ["\"required\"", "\"preferred\""],
]

/// Lists, and names that have no order.
private let unordered: [PolicyKey: [String]] = [
    .capabilities: ["[]", "[\"cap_kill\"]", "[\"cap_chown\", \"cap_kill\"]", "[\"cap_chown\", \"cap_fowner\"]"],
    .sudoPrograms: ["[]", "[\"/a\"]", "[\"/a\", \"/b\"]", "[\"/b\", \"/c\"]"],
    .cgroups: ["[]", "[\"a\"]", "[\"b\", \"a\"]", "[\"b\", \"c\"]"],
    .runAs: ["\"root\"", "\"user\"", "\"backup\""],
    .sha256: [String(repeating: "a", count: 64), String(repeating: "b", count: 64)].map { "\"\($0)\"" },
    .allow: [
        "[]", "[\"22:00-05:00\"]", "[\"Mon..Fri 20:00-02:00\"]", "[\"Sat,Sun 00:00-23:59\"]",
        "[\"Mon 12:00-13:00\", \"Sun 23:59-00:01\"]", "[\"00:00-23:59\"]",
    ],
    .io: [
        "[]", "[{ path = \"/\", read_iops_max = 5 }]", "[{ path = \"/\", read_iops_max = 9, write_iops_max = 1 }]",
        "[{ path = \"/srv\", read_bandwidth_max = \"1M\" }, { path = \"/\", write_iops_max = 3 }]",
    ],
]

/// The table that a key is tried in.
private func table(_ key: PolicyKey) -> String {
    switch key.home {
    case .document: ""
    case .run: "run."
    case .protect: "protect."
    case .window: "window."
    case .log: "log."
    case .hooks: "hooks."
    case .group, .step, .everyPlugin: "step."
    case .plugin, .wholePlugin: "plugin.apt."
    }
}

private func value(_ key: PolicyKey, _ text: String) throws -> PolicyValue {
    let policy = try merge(set: ["\(table(key))\(key.rawValue)=\(text)"])
    return try #require(policy.settings.first { $0.slot.key == key }).setting.value
}

/// Every minute of a week at which a list of windows lets updates run.
private func minutes(_ value: PolicyValue) -> Set<Int> {
    guard case .texts(let texts) = value, let windows = WeekWindows(texts) else { return Set(0..<10080) }
    return Set((0..<10080).filter { windows.contains(LocalMoment(weekday: $0 / 1440, second: $0 % 1440 * 60)) })
}

/// Whether `value` asks for more than `ceiling`, of a key without an order; found in another way than the policy does.
private func isLooser(_ key: PolicyKey, _ value: PolicyValue, than ceiling: PolicyValue) -> Bool {
    switch (key, value, ceiling) {
    case (.capabilities, .texts(let left), .texts(let right)), (.sudoPrograms, .texts(let left), .texts(let right)):
        !Set(left).isSubset(of: right)
    case (.cgroups, .texts(let left), .texts(let right)): !Set(right).isSubset(of: left)
    case (.allow, _, _): !minutes(value).isSubset(of: minutes(ceiling))
    case (.io, .caps(let left), .caps(let right)):
        right.contains { limit in
            func exceeds<Cap: Comparable>(_ path: KeyPath<IOCap, Cap?>) -> Bool {
                guard let most = limit[keyPath: path] else { return false }
                let given = left.filter { $0.path == limit.path }.compactMap { $0[keyPath: path] }.min()
                return given.map { $0 > most } ?? true
            }
            return exceeds(\.readBandwidthMax) || exceeds(\.writeBandwidthMax) || exceeds(\.readIOPSMax)
                || exceeds(\.writeIOPSMax)
        }
    default: ceiling != .text("root") && value != ceiling
    }
}

@Suite("The ceiling of /etc")
struct CeilingTests {
    @Test("knows of every key that binds what is looser")
    func complete() {
        let known = Set(fromTightest.keys).union(unordered.keys)
        #expect(known == Set(PolicyKey.allCases.filter(\.hasCeiling)))
    }

    @Test(
        "leaves what is tight enough as it is, and cuts what is not to what is", arguments: fromTightest.keys.sorted())
    func ordered(key: PolicyKey) throws {
        let values = try #require(fromTightest[key]).map { try value(key, $0) }
        for (index, value) in values.enumerated() {
            for (limit, ceiling) in values.enumerated() {
                #expect(key.cut(value, to: ceiling, on: machine) == values[min(index, limit)], "\(value) to \(ceiling)")
            }
        }
    }

    @Test(
        "cuts lists and names to what is not looser, and to cut twice changes nothing",
        arguments: unordered.keys.sorted())
    func lists(key: PolicyKey) throws {
        let values = try #require(unordered[key]).map { try value(key, $0) }
        for value in values {
            for ceiling in values {
                let cut = key.cut(value, to: ceiling, on: machine)
                #expect(!isLooser(key, cut, than: ceiling), "\(value) to \(ceiling): \(cut)")
                #expect(isLooser(key, value, than: ceiling) || cut == value, "\(value) to \(ceiling): \(cut)")
                #expect(key.cut(cut, to: ceiling, on: machine) == cut, "\(value) to \(ceiling): \(cut)")
            }
        }
        let hours = try [value(.allow, "[\"Mon..Fri 20:00-02:00\"]"), value(.allow, "[\"22:00-05:00\"]")]
        #expect(PolicyKey.allow.cut(hours[0], to: hours[1], on: machine) == .texts(["Mon..Fri 22:00-02:00"]))
    }

    /// A policy of random values of the tables in which apt's download finds its own.
    private static func text(_ generator: inout SeededGenerator) -> String {
        var text = ""
        for table in ["step", "step.download", "plugin.apt", "plugin.apt.download"] where Bool.random(using: &generator)
        {
            text += "[\(table)]\n"
            for key in keys where Int.random(in: 0..<3, using: &generator) == 0 {
                let values = fromTightest[key] ?? unordered[key] ?? []
                text += "\(key.rawValue) = \(values.randomElement(using: &generator)!)\n"
            }
        }
        return text
    }

    private static let keys: [PolicyKey] = [
        .memoryMax, .cpuQuota, .tasksMax, .nice, .leftovers, .timeout, .io, .capabilities, .cpuWeight, .stopGrace,
    ]

    @Test("is never exceeded by any layer and table, binds nobody below it, and tells what it cuts")
    func random() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let tables = MergedPolicy.tables(of: apt, .download)
        for _ in 0..<400 {
            let etc = Self.text(&generator)
            let others = (Self.text(&generator), Self.text(&generator))
            let alone = try merge(etc: [etc]).view(tables, on: machine)
            let policy = try merge(base: others.0, etc: [etc], user: others.1)
            let all = policy.view(tables, on: machine)
            let free = try merge(base: others.0 + "\n", user: others.1).view(tables, on: machine)
            var cuts = 0
            for key in Self.keys {
                guard let limit = alone.resolve(key), limit.setting.origin.layer == .etc else {
                    #expect(all.value(key) == free.value(key), "seed \(seed), \(key)")
                    continue
                }
                let found = try #require(all.resolve(key))
                #expect(
                    found.value == key.cut(found.setting.value, to: limit.value, on: machine), "seed \(seed), \(key)")
                if found.value != found.setting.value {
                    cuts += 1
                    #expect(found.cut?.reason == "the ceiling of \(limit.setting.origin)", "seed \(seed), \(key)")
                }
            }
            #expect(policy.stepCuts(apt, .download, on: machine).count == cuts, "seed \(seed)")
            // The same once more over what it has become.
            let again = try merge(
                base: others.0, etc: [etc], user: policy.document(of: apt, origins: false, on: machine))
            #expect(
                again.step(apt, .download, on: machine) == policy.step(apt, .download, on: machine), "seed \(seed)")
            #expect(again.stepCuts(apt, .download, on: machine).isEmpty, "seed \(seed)")
        }
    }

    @Test("holds against --policy, the person's file and --set, in any table, and is named with its place")
    func layers() throws {
        let policy = try merge(
            base: "[plugin.apt]\nnice = 0\n[run]\nparallel = 1",
            etc: ["enforcement = \"required\"\n[run]\nparallel = 2\n[step]\nmemory_max = \"1G\"\nnice = 5"],
            user: "[plugin.apt]\nmemory_max = \"50%\"\ntasks_max = 9",
            set: ["run.parallel=8", "enforcement=preferred", "plugin.apt.download.memory_max=64M"])
        #expect(policy.enforcement == .required)
        #expect(policy.enforcementCeiling?.description == "etc-0.toml:1")
        #expect(policy.run(on: machine).parallel == 2)
        let execute = policy.step(apt, .execute, on: machine)
        #expect(execute.limits.memoryMax == ByteCount(1 << 30))
        #expect(execute.limits.tasksMax == 9)
        #expect(execute.nice == 5)
        #expect(policy.step(apt, .download, on: machine).limits.memoryMax == ByteCount(64 << 20))
        #expect(
            policy.stepCuts(apt, .execute, on: machine) == [
                LimitDeviation(
                    control: "plugin.apt.memory_max", requested: "\"50%\"", effective: "\"1G\"",
                    reason: "the ceiling of etc-0.toml:5"),
                LimitDeviation(
                    control: "plugin.apt.nice", requested: "0", effective: "5", reason: "the ceiling of etc-0.toml:6"),
            ])
        #expect(policy.stepCuts(apt, .download, on: machine).map(\.control) == ["plugin.apt.nice"])
        #expect(policy.runCuts(on: machine).map(\.control) == ["enforcement", "run.parallel"])
    }

    @Test("holds against --jobs and --timeout, and a lower one passes")
    func options() throws {
        let policy = try merge(etc: ["[run]\nparallel = 2\n[step]\ntimeout = \"10m\""], set: ["run.parallel=3"])
        #expect(policy.run(on: machine, jobs: 8).parallel == 2)
        #expect(policy.run(on: machine, jobs: 1).parallel == 1)
        let cuts = policy.runCuts(on: machine, jobs: 8)
        #expect(cuts.map(\.control) == ["--jobs"] && cuts[0].effective == "2")
        #expect(policy.runCuts(on: machine, jobs: 1).isEmpty)
        #expect(policy.step(apt, .check, on: machine, timeout: .seconds(3600)).timeout == .seconds(600))
        #expect(policy.step(apt, .check, on: machine, timeout: .seconds(5)).timeout == .seconds(5))
        #expect(policy.stepCuts(apt, .check, on: machine, timeout: .seconds(3600)).map(\.control) == ["--timeout"])
        #expect(policy.stepCuts(apt, .check, on: machine, timeout: .seconds(5)).isEmpty)
    }

    @Test("keeps a commit's memory.high from being raised above its memory_max")
    func commits() throws {
        let policy = try merge(
            etc: ["[step]\nmemory_max = \"1G\""], set: ["step.memory_high=8G", "step.memory_max=9G"])
        let limits = policy.step(apt, .execute, on: machine).limits
        #expect(
            controlWrites(for: limits, of: .protectedLeaf, on: machine).writes
                == [ControlWrite(file: "memory.high", value: "1073741824")])
    }

    @Test("has its disks looked up, and counts for the policy's hash, also where it is hidden behind a looser value")
    func hidden() throws {
        let etc = "[step]\nio = [{ path = \"/srv\", read_iops_max = 1 }]"
        let policy = try merge(etc: [etc], set: ["step.io=[]"])
        #expect(policy.ioPaths == ["/srv"])
        #expect(policy.step(apt, .check, on: machine).limits.io == [IOCap(path: "/srv", readIOPSMax: 1)])
        let other = try merge(etc: [etc.replacing("= 1", with: "= 2")], set: ["step.io=[]"])
        #expect(other.canonicalText != policy.canonicalText)
        #expect(try merge(etc: [etc]).canonicalText == merge(base: etc).canonicalText)
    }

    @Test("lowers what is shown of a memory_high with its memory_max, so that it can be read again")
    func unreachable() throws {
        let policy = try merge(
            etc: ["[plugin.apt]\nmemory_max = \"2G\""],
            set: ["plugin.apt.memory_max=4G", "plugin.apt.memory_high=3G"])
        let line = "memory_high = \"2G\"  # cut from \"3G\" to the ceiling of etc-0.toml:2\n"
        for text in [
            policy.document(origins: false, on: machine), policy.document(of: apt, origins: false, on: machine),
        ] {
            #expect(text.replacing(/" +#/, with: "\"  #").contains(line), "\(text)")
            _ = try merge(base: text)
        }
    }

    @Test("is shown behind what it has cut, with what was asked for")
    func shown() throws {
        let policy = try merge(
            etc: ["[step]\nmemory_max = \"1G\"\n[step.download]\nnice = 10\n[plugin.apt.check]\ntasks_max = 5"],
            set: ["step.memory_max=4G", "plugin.apt.nice=0", "plugin.apt.tasks_max=9"])
        let text = policy.document(origins: false, on: machine)
        #expect(text.contains("memory_max = \"1G\"         # cut from \"4G\" to the ceiling of etc-0.toml:2\n"))
        #expect(text.contains("[plugin.apt]\ntasks_max = 9\nnice = 0\n"), "by phase it is another: \(text)")
        let own = policy.document(of: apt, origins: true, on: machine)
        #expect(own.contains("# --set plugin.apt.nice=0, cut from 0 to the ceiling of etc-0.toml:4\n"), "\(own)")
        let shown = policy.shownSettings(of: apt, on: machine).filter { $0.cut != nil }
        #expect(Set(shown.map(\.slot.key)) == [.memoryMax, .nice])
    }
}
