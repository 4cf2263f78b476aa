import Interchange
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite("What is said over the control socket") struct ControlProtocolTests {
    @Test(
        "Every request is one line, and read back as what it was",
        arguments: [ControlRequest.status, .pause, .resume, .cancel, .set(["run.parallel=1", "a=\"\n\""])])
    func requests(_ request: ControlRequest) throws {
        #expect(request.line.last == 0x0A && request.line.count { $0 == 0x0A } == 1)
        #expect(try ControlRequest(request.line) == request)
    }

    @Test("What a newer program adds to a request is ignored; a command that only it knows is told as that")
    func newer() throws {
        #expect(try ControlRequest(Array(#"{"later":[1],"command":"pause","version":2}"#.utf8)) == .pause)
        #expect {
            try ControlRequest(Array(#"{"version":1,"command":"rewind"}"#.utf8))
        } throws: { error in
            if case .unknown(let error) = error as? EventDecodingError {
                error.description.contains(#""command" is "rewind""#)
            } else {
                false
            }
        }
    }

    @Test(
        "What is no request is refused, and traps nothing",
        arguments: ["", "{}", "[]", "null", "{\"command\":1}", "\u{0}", "{\"command\":\"status\"} x"])
    func invalid(_ text: String) {
        #expect(throws: EventDecodingError.self) { try ControlRequest(Array(text.utf8)) }
    }

    @Test("Every reply is read back as what it was")
    func replies() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = RandomEvents(generator: SeededGenerator(seed: seed))
        for number in 0..<500 {
            let reply = random.reply()
            let line = reply.line
            #expect(line.count { $0 == 0x0A } == 1)
            #expect(try ControlReply(line) == reply, "seed \(seed), reply \(number)")
        }
    }

    @Test("Bytes that were changed or cut off make an error, and trap nothing")
    func damaged() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = RandomEvents(generator: SeededGenerator(seed: seed))
        var generator = SeededGenerator(seed: seed &+ 1)
        for _ in 0..<500 {
            var line = random.reply().line
            line.removeLast(Int.random(in: 0..<line.count, using: &generator))
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !line.isEmpty {
                line[Int.random(in: 0..<line.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? ControlReply(line)
            _ = try? ControlRequest(line)
        }
    }

    @Test("A status says what the run does, and what each step waits for")
    func status() {
        var status = RunStatus(
            run: RunID("20261121-073012-4711")!, version: "0.1.0", processID: 4711, user: "root",
            start: Timestamp(millisecondsSince1970: 0), policy: "shared-server", state: .running, elapsed: .seconds(127)
        )
        status.pause = RunStatus.Pause(user: "root", duration: .milliseconds(1500))
        var apt = StepStatus(StepID(PluginName("apt")!, .download), .frozen)
        apt.duration = .seconds(12)
        apt.percent = 41.5
        var pipx = StepStatus(StepID(PluginName("pipx")!, .execute), .waiting)
        pipx.waitsFor = .pause
        var commit = StepStatus(StepID(PluginName("apt")!, .execute), .waiting, isProtected: true)
        commit.after = apt.step
        status.steps = [apt, pipx, commit]
        var bytes: [UInt8] = []
        appendLine(of: status, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"version":1,"run":"20261121-073012-4711","program_version":"0.1.0","pid":4711,"user":"root","#
                + #""start":"1970-01-01T00:00:00.000Z","policy":"shared-server","state":"running","#
                + #""paused":{"user":"root","seconds":1.5},"elapsed_seconds":127,"steps":["#
                + #"{"step":"apt/download","state":"frozen","seconds":12,"percent":41.5},"#
                + #"{"step":"pipx/execute","state":"waiting","for":"pause"},"#
                + #"{"step":"apt/execute","state":"waiting","protected":true,"after":"apt/download"}]}"# + "\n")
    }

    @Test("Where no run is in progress, the newest one is told of, as far as it is known")
    func newest() {
        func line(_ run: PastRun?) -> String {
            var bytes: [UInt8] = []
            appendLine(ofNewest: run, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        let run = RunID("20261121-073012-4711")!
        let end = RunEnd(success: true, counts: [:], metrics: Metrics(wallSeconds: 2.5))
        #expect(line(nil) == "{\"version\":1}\n")
        #expect(
            line(PastRun(run: run, start: Timestamp(millisecondsSince1970: 0), end: end))
                == #"{"version":1,"newest":{"run":"20261121-073012-4711","start":"1970-01-01T00:00:00.000Z","#
                + #""success":true,"wall_seconds":2.5}}"# + "\n")
        #expect(
            line(PastRun(run: run, remarks: ["it was killed"]))
                == #"{"version":1,"newest":{"run":"20261121-073012-4711","remarks":["it was killed"]}}"# + "\n")
    }
}
