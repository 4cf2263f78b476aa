import Interchange
import JSONDocument
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct EventLinesTests {
    private let run = RunID("20261121-073012-4711")!
    private let apt = PluginName("apt")!

    private func lines(_ body: Event.Body, seq: UInt64 = 7, plugin: PluginName? = nil) -> String {
        let event = Event(
            seq: seq, timestamp: Timestamp(millisecondsSince1970: 1_795_246_212_345), plugin: plugin, body: body)
        var bytes = Array("before\n".utf8)
        appendLines(of: event, run: run, to: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("before\n"))
        return String(text.dropFirst(7))
    }

    /// The one line of `body`, without what all events have in common.
    private func members(_ type: String, _ body: Event.Body, plugin: PluginName? = nil) -> String {
        let line = lines(body, plugin: plugin)
        let name = plugin.map { #","plugin":"\#($0)""# } ?? ""
        let head =
            #"{"type":"\#(type)","run":"20261121-073012-4711","seq":7,"timestamp":"2026-11-21T07:30:12.345Z"\#(name)"#
        #expect(line.hasPrefix(head))
        #expect(line.hasSuffix("}\n"))
        #expect(throws: Never.self) { try JSONValue(parsing: line.utf8) }
        return String(line.dropFirst(head.count).dropLast(2))
    }

    @Test("run_start says who runs what under which policy")
    func runStart() {
        let start = RunStart(
            version: "1.0.0", host: "db1", user: "root", policy: "shared-server", policyHash: "00ff",
            plugins: [apt, PluginName("pipx")!], enforcement: .preferred)
        #expect(
            members("run_start", .runStart(start))
                == #","version":"1.0.0","host":"db1","user":"root","policy":"shared-server","policy_hash":"00ff","#
                + #""plugins":["apt","pipx"],"enforcement":"preferred""#)
    }

    @Test("phase_start has each limit as it was read back; a control file with several values has one a line")
    func phaseStart() {
        let start = PhaseStart(
            phase: .execute, cgroup: "updateall.slice/run/apt.execute",
            limits: [
                ControlWrite(file: "memory.high", value: "805306368"),
                ControlWrite(file: "io.max", value: "8:0 rbps=1"), ControlWrite(file: "io.max", value: "8:16 rbps=2"),
            ], runAs: "root", capabilities: ["cap_chown"], isProtected: true)
        #expect(
            members("phase_start", .phaseStart(start), plugin: apt)
                == #","phase":"execute","cgroup":"updateall.slice/run/apt.execute","#
                + #""limits":{"memory.high":"805306368","io.max":"8:0 rbps=1\n8:16 rbps=2"},"run_as":"root","#
                + #""capabilities":["cap_chown"],"protected":true"#)
        let bare = PhaseStart(
            phase: .check, cgroup: nil, limits: [], runAs: "anna", capabilities: [], isProtected: false)
        #expect(
            members("phase_start", .phaseStart(bare), plugin: apt)
                == #","phase":"check","limits":{},"run_as":"anna","capabilities":[]"#)
    }

    @Test("A batch of output gives a line for each line, numbered from the event's number")
    func output() {
        let output = OutputLines(
            phase: .execute, stream: .stderr, bytes: Array("abcde\u{1B}[m\"".utf8) + [0xFF],
            ends: [3, 3, 5, 10], partial: [2])
        let head = #"{"type":"output","run":"20261121-073012-4711","seq":"#
        let middle =
            #","timestamp":"2026-11-21T07:30:12.345Z","plugin":"apt","phase":"execute","stream":"stderr","line":"#
        #expect(
            lines(.output(output), seq: 98, plugin: apt)
                == head + "98" + middle + #""abc"}"# + "\n" + head + "99" + middle + #"""}"# + "\n"
                + head + "100" + middle + #""de","partial":true}"# + "\n"
                + head + "101" + middle + #""\u001b[m\"\#u{FFFD}"}"# + "\n")
        #expect(lines(.output(OutputLines(phase: .check, stream: .stdout, bytes: [], ends: []))) == "")
    }

    @Test("Whatever a plugin prints, each line is one JSON object with the repaired text")
    func outputOfAnyBytes() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var output = OutputLines(phase: .download, stream: .stdout, bytes: [], ends: [])
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                for _ in 0..<Int.random(in: 0...30, using: &generator) {
                    output.bytes.append(UInt8.random(in: .min ... .max, using: &generator))
                }
                output.ends.append(Int32(output.bytes.count))
            }
            let written = lines(.output(output), seq: 1, plugin: apt).split(separator: "\n")
            try #require(written.count == output.count, "seed \(seed)")
            for (index, line) in written.enumerated() {
                let value = try JSONValue(parsing: line.utf8)
                #expect(value["seq"] == .integer(Int64(index + 1)))
                #expect(
                    value["line"] == .string(String(decoding: output.line(index), as: UTF8.self)), "seed \(seed)")
            }
        }
    }

    @Test("progress has what is known and leaves out the rest")
    func progress() {
        var progress = Progress(phase: .download)
        #expect(members("progress", .progress(progress), plugin: apt) == #","phase":"download""#)
        progress.percent = 42.5
        progress.message = "Получение"
        progress.bytesDownloaded = ByteCount(10)
        progress.bytesTotal = ByteCount(20)
        progress.itemsCompleted = 1
        progress.itemsTotal = 2
        #expect(
            members("progress", .progress(progress), plugin: apt)
                == #","phase":"download","percent":42.5,"message":"Получение","bytes_downloaded":10,"bytes_total":20,"#
                + #""items_completed":1,"items_total":2"#)
    }

    @Test("dropped has no number of its own and names those that are lost")
    func dropped() {
        let dropped = Dropped(phase: .execute, count: 3, firstSeq: 8, lastSeq: 12)
        #expect(
            lines(.dropped(dropped), seq: 0, plugin: apt)
                == #"{"type":"dropped","run":"20261121-073012-4711","timestamp":"2026-11-21T07:30:12.345Z","#
                + #""plugin":"apt","phase":"execute","count":3,"first_seq":8,"last_seq":12}"# + "\n")
    }

    @Test("result lists the packages with the versions that are known")
    func result() {
        var result = UpdateResult()
        result.packages = [
            UpdatedPackage(name: "curl", from: "8.1", to: "8.2"), UpdatedPackage(name: "new", from: nil, to: nil),
        ]
        result.packagesUpdated = 2
        result.held = ["linux"]
        result.restart = ["sshd"]
        result.rebootRequired = true
        #expect(
            members("result", .result(result), plugin: apt)
                == #","packages":[{"name":"curl","from":"8.1","to":"8.2"},{"name":"new"}],"packages_updated":2,"#
                + #""held":["linux"],"restart":["sshd"],"reboot_required":true"#)
    }

    @Test("limit says what was asked for, what is in force and why")
    func limit() {
        let cut = LimitDeviation(control: "memory.high", requested: "100", effective: "4096", reason: "whole pages")
        #expect(
            members("limit", .limit(cut))
                == #","control":"memory.high","requested":"100","effective":"4096","reason":"whole pages""#)
        let none = LimitDeviation(control: "io.max", requested: "80M", effective: nil, reason: "overlay has no disk")
        #expect(
            members("limit", .limit(none)) == #","control":"io.max","requested":"80M","reason":"overlay has no disk""#)
    }

    @Test(
        "waiting says for what, as the contract spells it",
        arguments: [
            (WaitReason.mutex("pkgmgr:apt"), "mutex:pkgmgr:apt"), (.memory, "memory"), (.cpu, "cpu"),
            (.downloads, "downloads"), (.parallel, "parallel"), (.pressure, "pressure"),
            (.window, "window"),
            (.otherRun(mutex: "dpkg", holder: "pid 12 (anna)"), "mutex:dpkg held by pid 12 (anna)"),
            (
                .lockedFile(path: "/var/lib/dpkg/lock-frontend", holder: "pid 123 (apt-get)"),
                "lock:/var/lib/dpkg/lock-frontend pid 123 (apt-get)"
            ),
        ])
    func waiting(reason: WaitReason, text: String) {
        #expect(
            members("waiting", .waiting(.download, reason), plugin: apt)
                == #","phase":"download","for":"\#(text)""#)
    }

    @Test("who waits for others says after how long the step gives up")
    func givingUp() {
        let reason = WaitReason.otherRun(mutex: "dpkg", holder: "pid 12 (anna)")
        #expect(
            members("waiting", .waiting(.download, reason, givesUpAfter: .milliseconds(90_500)), plugin: apt)
                == #","phase":"download","for":"mutex:dpkg held by pid 12 (anna)","gives_up_after_seconds":90.5"#)
    }

    @Test("throttle says how far the run steps back and for whom")
    func throttle() {
        let throttle = Throttle(state: .slowed, share: Fraction(0.25), cause: "db.service waits for I/O (PSI 23 %)")
        #expect(
            members("throttle", .throttle(throttle))
                == #","state":"slowed","share":0.25,"cause":"db.service waits for I/O (PSI 23 %)""#)
    }

    @Test("stopping says why, with which signal and when it is killed; a commit is only waited for")
    func stopping() {
        let timedOut = Stopping(
            phase: .download, cause: .timedOut(after: .seconds(7200)), signal: 15, killAfter: .milliseconds(2500))
        #expect(
            members("stopping", .stopping(timedOut), plugin: apt)
                == #","phase":"download","cause":"timed_out","timeout_seconds":7200,"signal":15,"#
                + #""kill_after_seconds":2.5"#
        )
        let cancelled = Stopping(phase: .execute, cause: .cancelled(signal: 2), signal: nil, killAfter: nil)
        #expect(
            members("stopping", .stopping(cancelled), plugin: apt)
                == #","phase":"execute","cause":"cancelled","cause_signal":2"#)
        let full = Stopping(phase: .check, cause: .logFailed, signal: 15, killAfter: .seconds(10))
        #expect(
            members("stopping", .stopping(full), plugin: apt)
                == #","phase":"check","cause":"log_failed","signal":15,"kill_after_seconds":10"#)
    }

    @Test("phase_end has the outcome, and the metrics that the kernel gave")
    func phaseEnd() {
        var metrics = Metrics(wallSeconds: 0.1 + 0.2)
        metrics.cpuUserSeconds = 1.25
        metrics.cpuSystemSeconds = 0
        metrics.memoryPeak = ByteCount(1 << 30)
        metrics.ioRead = ByteCount(1)
        metrics.ioWritten = ByteCount(2)
        metrics.pidsPeak = 3
        metrics.oomKills = 0
        metrics.throttledSeconds = 0.5
        let end = PhaseEnd(phase: .execute, outcome: .succeeded, exitCode: 0, metrics: metrics)
        #expect(
            members("phase_end", .phaseEnd(end), plugin: apt)
                == #","phase":"execute","success":true,"outcome":"succeeded","exit_code":0,"#
                + #""metrics":{"wall_seconds":0.3,"cpu_user_seconds":1.25,"cpu_system_seconds":0,"#
                + #""memory_peak_bytes":1073741824,"io_read_bytes":1,"io_write_bytes":2,"#
                + #""pids_peak":3,"oom_kills":0,"throttled_seconds":0.5}"#)
        let killed = PhaseEnd(phase: .check, outcome: .oomKilled, signal: 9, error: "out of memory")
        #expect(
            members("phase_end", .phaseEnd(killed), plugin: apt)
                == #","phase":"check","success":false,"outcome":"oom_killed","signal":9,"error":"out of memory""#)
    }

    @Test("completion and run_end say how it went, counted by outcome in the contract's order")
    func ends() {
        let completion = Completion(outcome: .failed, exitCode: 2, packagesUpdated: 3, error: "no space")
        #expect(
            members("completion", .completion(completion), plugin: apt)
                == #","success":false,"exit_code":2,"outcome":"failed","packages_updated":3,"error":"no space""#)
        let end = RunEnd(
            success: false, counts: [.skipped: 1, .succeeded: 2, .failed: 1], metrics: Metrics(wallSeconds: 61))
        #expect(
            members("run_end", .runEnd(end))
                == #","success":false,"counts":{"succeeded":2,"failed":1,"skipped":1},"wall_seconds":61,"#
                + #""metrics":{"wall_seconds":61}"#)
        #expect(members("error", .error("the disk is full")) == #","error":"the disk is full""#)
    }
}
