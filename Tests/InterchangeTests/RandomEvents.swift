// Random events of every kind, as their JSON form can hold them: seconds in whole microseconds, output in valid UTF-8.

import Interchange
import RunModel
import TestSupport
import UpdateModel

struct RandomEvents {
    static let kinds = 16
    var generator: SeededGenerator

    /// An event of kind `number`, counted round.
    mutating func event(_ number: Int) -> Event {
        let body: Event.Body =
            switch number % Self.kinds {
            case 0: .runStart(runStart())
            case 1: .plan(plan())
            case 2: .phaseStart(phaseStart())
            case 3: .output(line())
            case 4: .progress(progress())
            case 5: .dropped(dropped())
            case 6: .result(result())
            case 7: .limit(deviation())
            case 8: .waiting(phase(), waitReason(), givesUpAfter: maybe { $0.duration() })
            case 9: .stopping(stopping())
            case 10: .phaseEnd(phaseEnd())
            case 11: .completion(completion())
            case 12: .runEnd(runEnd())
            case 13:
                .throttle(Throttle(state: any(of: Throttle.State.allCases), share: Fraction(double()), cause: text()))
            case 14:
                .control(
                    Intervention(
                        any(of: Intervention.Action.allCases), by: maybe { $0.text() },
                        changes: list { random in
                            Intervention.Change(
                                key: random.text(), value: random.text(), previous: random.maybe { $0.text() })
                        }))
            default: .error(text())
            }
        let milliseconds = integer(in: -62_167_219_200_000...253_402_300_799_999)
        return Event(
            seq: number % Self.kinds == 5 ? 0 : UInt64(integer(in: 0...Int64.max)),
            timestamp: Timestamp(millisecondsSince1970: milliseconds), plugin: maybe { $0.plugin() }, body: body)
    }

    // MARK: Bodies

    private mutating func runStart() -> RunStart {
        RunStart(
            version: text(), host: text(), user: text(), policy: text(), policyHash: text(),
            plugins: list { $0.plugin() }, enforcement: any(of: Enforcement.allCases))
    }

    private mutating func window() -> PlannedWindow {
        var window = PlannedWindow(
            allow: list { $0.text() }, finishBy: bool(), opens: maybe { $0.edge() }, closes: maybe { $0.edge() })
        window.putOff = list { $0.step() }
        window.overrunning = list { $0.step() }
        return window
    }

    private mutating func edge() -> PlannedWindow.Edge {
        PlannedWindow.Edge(
            timestamp: Timestamp(millisecondsSince1970: integer(in: 0...253_402_300_799_999)), local: text())
    }

    private mutating func plan() -> Plan {
        var plan = Plan(
            policy: text(), hostName: text(), runLimits: list { $0.text() },
            steps: list { random in
                PlannedStep(
                    id: random.step(), after: random.list { $0.step() }, mutexes: random.list { $0.text() },
                    demand: Demand(
                        cpus: random.maybe { $0.double() }, memory: random.maybe { $0.bytes() },
                        downloads: random.count(), cpusSource: random.maybe { $0.any(of: DemandSource.allCases) },
                        memorySource: random.maybe { $0.any(of: DemandSource.allCases) }),
                    limits: random.limits(), runAs: random.text(), isProtected: random.bool(),
                    startSeconds: random.double(), durationSeconds: random.double(), durationIsKnown: random.bool(),
                    wave: random.count(), waitsFor: random.maybe { $0.text() },
                    hook: random.maybe { HookMoment.allCases[$0.bool() ? 0 : 1] })
            },
            skipped: list { SkippedPlugin(plugin: $0.plugin(), outcome: $0.outcome(), reason: $0.text()) },
            makespanSeconds: double(), criticalPath: list { $0.step() }, fetch: maybe { $0.bytes() },
            deviations: list { $0.deviation() })
        plan.window = maybe { $0.window() }
        return plan
    }

    private mutating func phaseStart() -> PhaseStart {
        PhaseStart(
            phase: phase(), cgroup: maybe { $0.text() }, limits: limits(), runAs: text(),
            capabilities: list { $0.text() }, isProtected: bool())
    }

    private mutating func line() -> OutputLines {
        let bytes = Array(text().utf8)
        return OutputLines(
            phase: phase(), stream: bool() ? .stdout : .stderr, bytes: bytes, ends: [Int32(bytes.count)],
            partial: bool() ? [0] : [])
    }

    private mutating func progress() -> Progress {
        var progress = Progress(phase: phase())
        progress.percent = maybe { $0.double() }
        progress.message = maybe { $0.text() }
        progress.bytesDownloaded = maybe { $0.bytes() }
        progress.bytesTotal = maybe { $0.bytes() }
        progress.itemsCompleted = maybe { $0.integer() }
        progress.itemsTotal = maybe { $0.integer() }
        return progress
    }

    private mutating func dropped() -> Dropped {
        Dropped(phase: phase(), count: count(), firstSeq: UInt64(count()), lastSeq: UInt64(count()))
    }

    private mutating func result() -> UpdateResult {
        var result = UpdateResult()
        result.packages = list { random in
            UpdatedPackage(
                name: random.text(), from: random.maybe { $0.text() }, to: random.maybe { $0.text() })
        }
        result.packagesUpdated = integer()
        result.held = list { $0.text() }
        result.restart = list { $0.text() }
        result.rebootRequired = bool()
        return result
    }

    private mutating func deviation() -> LimitDeviation {
        LimitDeviation(control: text(), requested: text(), effective: maybe { $0.text() }, reason: text())
    }

    private mutating func waitReason() -> WaitReason {
        any(of: [
            .mutex("pkgmgr:apt"), .memory, .cpu, .downloads, .parallel, .pressure, .pause,
            .otherRun(mutex: "dpkg", holder: "pid \(count()) (\(text()))"),
            .lockedFile(path: "/var/lib/a lock", holder: "pid \(count()) (\(text()))"),
            .lockedFile(path: "/lock", holder: "another program"),
        ])
    }

    // MARK: The control socket

    mutating func status() -> RunStatus {
        var status = RunStatus(
            run: RunID(start: timestamp(), processID: 4711), version: text(), processID: signal(), user: text(),
            start: timestamp(), policy: text(), state: any(of: RunStatus.State.allCases), elapsed: duration())
        status.pause = maybe { RunStatus.Pause(user: $0.text(), duration: $0.duration()) }
        status.throttle = maybe { random in
            Throttle(
                state: random.any(of: Throttle.State.allCases), share: Fraction(random.double()), cause: random.text())
        }
        status.remaining = maybe { $0.duration() }
        status.steps = list { random in
            var step = StepStatus(
                random.step(), random.any(of: StepStatus.State.allCases), isProtected: random.bool())
            step.duration = random.maybe { $0.duration() }
            step.percent = random.maybe { $0.double() }
            step.after = random.maybe { $0.step() }
            step.waitsFor = random.maybe { $0.waitReason() }
            step.outcome = random.maybe { $0.outcome() }
            return step
        }
        return status
    }

    mutating func reply() -> ControlReply {
        var reply = ControlReply(notes: list { $0.text() }, status: maybe { $0.status() })
        let codes: [ExitCode] = [.failure, .usage, .unenforceable, .authentication]
        reply.refusal = maybe { ControlReply.Refusal($0.any(of: codes), $0.text()) }
        return reply
    }

    private mutating func timestamp() -> Timestamp {
        Timestamp(millisecondsSince1970: integer(in: 0...253_402_300_799_999))
    }

    private mutating func stopping() -> Stopping {
        Stopping(
            phase: phase(),
            cause: any(of: [.cancelled(signal: signal()), .timedOut(after: duration()), .logFailed]),
            signal: maybe { $0.signal() }, killAfter: maybe { $0.duration() })
    }

    private mutating func phaseEnd() -> PhaseEnd {
        PhaseEnd(
            phase: phase(), outcome: outcome(), exitCode: maybe { $0.signal() }, signal: maybe { $0.signal() },
            error: maybe { $0.text() }, metrics: maybe { $0.metrics() })
    }

    private mutating func completion() -> Completion {
        Completion(
            outcome: outcome(), exitCode: maybe { $0.signal() }, packagesUpdated: integer(),
            error: maybe { $0.text() })
    }

    private mutating func runEnd() -> RunEnd {
        var counts: [Outcome: Int] = [:]
        for outcome in Outcome.allCases where bool() { counts[outcome] = count() }
        return RunEnd(success: bool(), counts: counts, metrics: metrics())
    }

    private mutating func metrics() -> Metrics {
        var metrics = Metrics(wallSeconds: measured())
        metrics.cpuUserSeconds = maybe { $0.measured() }
        metrics.cpuSystemSeconds = maybe { $0.measured() }
        metrics.memoryPeak = maybe { $0.bytes() }
        metrics.ioRead = maybe { $0.bytes() }
        metrics.ioWritten = maybe { $0.bytes() }
        metrics.pidsPeak = maybe { $0.integer() }
        metrics.oomKills = maybe { $0.integer() }
        metrics.throttledSeconds = maybe { $0.measured() }
        return metrics
    }

    // MARK: Parts

    /// Each control file once, with one value or more.
    private mutating func limits() -> [ControlWrite] {
        var limits: [ControlWrite] = []
        for file in ["memory.high", "cpu.max", "io.max", "pids.max"] where bool() {
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                limits.append(
                    ControlWrite(
                        file: file, value: String(text().unicodeScalars.filter { $0 != "\n" }.map(Character.init))))
            }
        }
        return limits
    }

    private mutating func phase() -> Phase { any(of: Phase.allCases) }
    private mutating func outcome() -> Outcome { any(of: Outcome.allCases) }
    private mutating func plugin() -> PluginName {
        PluginName(any(of: ["apt", "pipx", "0", "node.js", "a-b_c.d", String(repeating: "x", count: 64)]))!
    }
    private mutating func step() -> StepID { StepID(plugin(), phase()) }
    private mutating func signal() -> Int32 { Int32.random(in: .min ... .max, using: &generator) }
    private mutating func bytes() -> ByteCount { ByteCount(integer()) }
    private mutating func count() -> Int { Int(integer(in: 0...Int64.max)) }
    private mutating func bool() -> Bool { Bool.random(using: &generator) }

    /// Of any magnitude.
    private mutating func integer(in range: ClosedRange<Int64> = .min ... .max) -> Int64 {
        let shift = Int64.random(in: 0..<64, using: &generator)
        return min(max(Int64.random(in: range, using: &generator) >> shift, range.lowerBound), range.upperBound)
    }

    private mutating func double() -> Double {
        let value = Double(bitPattern: generator.next())
        return value.isFinite ? value : 0
    }

    /// As many microseconds as a double of seconds still tells apart.
    private mutating func measured() -> Double { Double(integer(in: 0...1 << 50)) / 1e6 }
    private mutating func duration() -> Duration { .microseconds(integer(in: 0...1 << 50)) }

    private mutating func text() -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "Z", " ", "\"", "\\", "\n", "\r", "\0", "\u{1B}", "\u{9B}", "é", "\u{301}", "界", "🦊",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...8, using: &generator) { text.unicodeScalars.append(any(of: scalars)) }
        return text
    }

    private mutating func any<Element>(of elements: [Element]) -> Element {
        elements.randomElement(using: &generator)!
    }

    private mutating func list<Element>(_ element: (inout Self) -> Element) -> [Element] {
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in element(&self) }
    }

    private mutating func maybe<Value>(_ value: (inout Self) -> Value) -> Value? {
        bool() ? value(&self) : nil
    }
}
