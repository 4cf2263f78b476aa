// One run that the display's tests look at: four plugins on a server, one fails, one requires it.

import RunModel
import UpdateModel

/// Numbers its events, which all have the time of the run's begin.
public struct EventMaker {
    private var seq: UInt64 = 0

    public init() {}

    public mutating func make(_ step: String?, _ body: Event.Body) -> Event {
        seq += 1
        let plugin = step.flatMap { PluginName($0.split(separator: "/")[0]) }
        return Event(seq: seq, timestamp: Timestamp(millisecondsSince1970: 0), plugin: plugin, body: body)
    }
}

extension StepID {
    /// From its written form, `apt/execute`.
    public init(_ text: String) {
        let parts = text.split(separator: "/")
        self.init(PluginName(parts[0])!, Phase(rawValue: String(parts[1]))!)
    }
}

extension OutputLines {
    public init(_ phase: Phase, _ lines: [String], stream: OutputStream = .stdout) {
        self.init(phase, bytes: lines.map { Array($0.utf8) }, stream: stream)
    }

    public init(_ phase: Phase, bytes lines: [[UInt8]], stream: OutputStream = .stdout) {
        var ends: [Int32] = []
        for line in lines { ends.append((ends.last ?? 0) + Int32(line.count)) }
        self.init(phase: phase, stream: stream, bytes: lines.flatMap { $0 }, ends: ends)
    }
}

public enum ExampleRun {
    public static let plan = Plan(
        policy: "shared-server", hostName: "db7",
        runLimits: ["memory ≤ 4.0 GiB", "CPU idle-class", "3 steps at a time", "2 downloads"],
        steps: [
            step("apt/download", start: 0, 60, wave: 0, memory: ("memory.max", 768), mutexes: ["pkgmgr:apt"]),
            step(
                "pipx/download", start: 0, 12, wave: 0, as: "alice", memory: ("memory.max", 512),
                mutexes: ["pkgmgr:pipx"]),
            step(
                "flatpak/download", start: 12, 100, wave: 1, memory: ("memory.max", 768),
                waitsFor: "a download slot", mutexes: ["pkgmgr:flatpak"]),
            step(
                "apt/execute", after: ["apt/download"], start: 60, 150, wave: 2, memory: ("memory.high", 768),
                waitsFor: "apt/download", mutexes: ["pkgmgr:apt", "pkgmgr:dpkg"], isProtected: true),
            step(
                "flatpak/execute", after: ["flatpak/download"], start: 112, 55, wave: 3,
                memory: ("memory.high", 768), waitsFor: "flatpak/download", mutexes: ["pkgmgr:flatpak"],
                isProtected: true),
            step(
                "pipx/execute", after: ["pipx/download", "apt/execute"], start: 210, 40, wave: 4, as: "alice",
                memory: ("memory.max", 512), waitsFor: "apt/execute (requires)", mutexes: ["pkgmgr:pipx"]),
            step(
                "reports/execute", after: ["pipx/execute"], start: 250, 62, wave: 5, as: "alice",
                memory: ("memory.max", 256), waitsFor: "pipx/execute (requires)"),
        ],
        skipped: [
            SkippedPlugin(plugin: PluginName("snap")!, outcome: .notApplicable, reason: "snapd is not running"),
            SkippedPlugin(plugin: PluginName("git")!, outcome: .upToDate, reason: "up to date"),
        ],
        makespanSeconds: 312,
        criticalPath: ["apt/download", "apt/execute", "pipx/execute", "reports/execute"].map { StepID($0) },
        fetch: ByteCount(412_000_000),
        deviations: [
            LimitDeviation(
                control: "I/O caps for /", requested: "80M", effective: nil, reason: "overlay has no disk of its own")
        ])

    static func step(
        _ id: String, after: [String] = [], start: Double, _ duration: Double, wave: Int, as account: String = "root",
        memory: (String, Int64), waitsFor: String? = nil, mutexes: [String] = [], isProtected: Bool = false
    ) -> PlannedStep {
        PlannedStep(
            id: StepID(id), after: after.map { StepID($0) }, mutexes: mutexes, demand: Demand(),
            limits: [ControlWrite(file: memory.0, value: String(memory.1 << 20))], runAs: account,
            isProtected: isProtected, startSeconds: start, durationSeconds: duration, durationIsKnown: true,
            wave: wave, waitsFor: waitsFor)
    }

    public static let start = RunStart(
        version: "0.1", host: "db7", user: "alice", policy: "shared-server", policyHash: "00",
        plugins: ["apt", "flatpak", "git", "pipx", "reports"].map { PluginName($0)! }, enforcement: .preferred)

    static func phaseStart(_ phase: Phase, isProtected: Bool = false) -> Event.Body {
        .phaseStart(
            PhaseStart(
                phase: phase, cgroup: nil, limits: [ControlWrite(file: "memory.max", value: "805306368")],
                runAs: "root", capabilities: [], isProtected: isProtected))
    }

    static func end(_ phase: Phase, _ outcome: Outcome, wall: Double?, exitCode: Int32? = nil, error: String? = nil)
        -> Event.Body
    {
        .phaseEnd(
            PhaseEnd(
                phase: phase, outcome: outcome, exitCode: exitCode, error: error,
                metrics: wall.map { Metrics(wallSeconds: $0) }))
    }

    static func progress(_ phase: Phase, _ change: (inout Progress) -> Void) -> Event.Body {
        var progress = Progress(phase: phase)
        change(&progress)
        return .progress(progress)
    }

    /// What its running steps use at 2:07.
    public static let usage = [
        StepID("apt/execute"): Usage(
            cpu: Fraction(0.12), memory: ByteCount(212 << 20), memoryLimit: ByteCount(768 << 20)),
        StepID("flatpak/download"): Usage(
            cpu: Fraction(1.04), memory: ByteCount(96 << 20), memoryLimit: ByteCount(768 << 20)),
    ]

    /// The events of a run with the times at which they are taken.
    public static let timeline: [(at: Duration, events: [Event])] = {
        var maker = EventMaker()
        var timeline: [(at: Duration, events: [Event])] = []
        func at(_ seconds: Double, _ events: [(String?, Event.Body)]) {
            timeline.append((.seconds(seconds), events.map { maker.make($0.0, $0.1) }))
        }
        at(
            0,
            [
                (nil, .runStart(start)), (nil, .plan(plan)), ("apt", phaseStart(.download)),
                ("pipx", phaseStart(.download)), ("flatpak", .waiting(.download, .downloads)),
            ])
        at(
            11,
            [
                ("pipx", progress(.download) { $0.bytesDownloaded = ByteCount(12_000_000) }),
                ("pipx", end(.download, .succeeded, wall: 11)), ("flatpak", phaseStart(.download)),
            ])
        at(
            58,
            [
                ("apt", progress(.download) { $0.bytesDownloaded = ByteCount(302_000_000) }),
                ("apt", end(.download, .succeeded, wall: 58)), ("apt", phaseStart(.execute, isProtected: true)),
            ])
        at(
            126,
            [
                (
                    "flatpak",
                    progress(.download) {
                        $0.percent = 71
                        $0.bytesDownloaded = ByteCount(74_900_000)
                        $0.bytesTotal = ByteCount(118_000_000)
                    }
                ),
                ("flatpak", .output(OutputLines(.download, ["Downloading org.gnome.Platform/x86_64/48"]))),
                (
                    "apt",
                    progress(.execute) {
                        $0.percent = 38
                        $0.itemsCompleted = 16
                        $0.itemsTotal = 42
                    }
                ),
                (
                    "apt",
                    .output(
                        OutputLines(.execute, ["Unpacking libssl3 (3.0.17-1~deb12u3) over (3.0.16-1~deb12u1) ..."]))
                ),
            ])
        at(127, [("flatpak", progress(.download) { $0.bytesDownloaded = ByteCount(84_000_000) })])
        at(
            160,
            [
                ("flatpak", end(.download, .succeeded, wall: 149)),
                ("flatpak", phaseStart(.execute, isProtected: true)),
            ])
        at(
            215,
            [
                ("flatpak", .result(result { $0.packagesUpdated = 3 })),
                ("flatpak", end(.execute, .succeeded, wall: 55)),
                ("flatpak", .completion(Completion(outcome: .succeeded, packagesUpdated: 3))),
                (
                    "apt",
                    .result(
                        result {
                            $0.packagesUpdated = 42
                            $0.held = ["linux-image-amd64", "grub-pc"]
                            $0.restart = ["nginx", "postgresql"]
                            $0.rebootRequired = true
                        })
                ),
                ("apt", end(.execute, .succeeded, wall: 157)),
                ("apt", .completion(Completion(outcome: .succeeded, packagesUpdated: 42))),
                ("pipx", phaseStart(.execute)),
                (
                    "pipx",
                    .output(
                        OutputLines(
                            .execute,
                            [
                                "upgrading ansible-core...",
                                "ERROR: Could not find a version that satisfies the requirement ansible-core==2.99",
                                "No matching distribution found for ansible-core==2.99",
                            ], stream: .stderr))
                ),
            ])
        at(
            253,
            [
                ("pipx", end(.execute, .failed, wall: 38, exitCode: 1)),
                ("pipx", .completion(Completion(outcome: .failed, exitCode: 1))),
                ("reports", end(.execute, .dependencyFailed, wall: nil, error: "requires pipx")),
                ("reports", .completion(Completion(outcome: .dependencyFailed, error: "requires pipx"))),
                ("git", .completion(Completion(outcome: .upToDate))), (nil, .runEnd(runEnd)),
            ])
        return timeline
    }()

    private static func result(_ change: (inout UpdateResult) -> Void) -> UpdateResult {
        var result = UpdateResult()
        change(&result)
        return result
    }

    private static var runEnd: RunEnd {
        var metrics = Metrics(wallSeconds: 253)
        metrics.memoryPeak = ByteCount(1_181_116_006)
        return RunEnd(
            success: false, counts: [.succeeded: 2, .failed: 1, .dependencyFailed: 1, .upToDate: 1], metrics: metrics)
    }
}
