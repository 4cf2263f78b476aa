import RunModel
import Testing
import UpdateModel

@Suite struct EventTests {
    @Test("Only output, progress and what stands for lost output may be kept from a slow reader")
    func stateEvents() {
        func isState(_ body: Event.Body) -> Bool {
            Event(seq: 1, timestamp: Timestamp(millisecondsSince1970: 0), plugin: nil, body: body).isState
        }
        #expect(!isState(.output(OutputLines(phase: .check, stream: .stdout, bytes: [], ends: []))))
        #expect(!isState(.progress(Progress(phase: .check))))
        #expect(!isState(.dropped(Dropped(phase: .check, count: 1, firstSeq: 1, lastSeq: 1))))
        #expect(isState(.error("x")))
        #expect(isState(.waiting(.check, .memory)))
        #expect(isState(.completion(Completion(outcome: .skipped))))
    }

    @Test("Each line of a batch of output can be had, empty ones too")
    func outputLines() {
        let lines = OutputLines(phase: .check, stream: .stdout, bytes: Array("abc".utf8), ends: [2, 2, 3])
        #expect(lines.count == 3)
        #expect((0..<3).map { String(decoding: lines.line($0), as: UTF8.self) } == ["ab", "", "c"])
    }

    @Test("A control file belongs to the controller before its first dot")
    func controllers() {
        #expect(Controller(controlFile: "memory.high") == .memory)
        #expect(Controller(controlFile: "io.max") == .io)
        #expect(Controller(controlFile: "cgroup.freeze") == nil)
        #expect(Controller(controlFile: "") == nil)
        #expect(Controller.allCases.shuffled().sorted() == [.cpu, .io, .memory, .pids])
    }

    @Test("A write to a control file is shown as an assignment")
    func controlWrites() {
        #expect("\(ControlWrite(file: "pids.max", value: "512"))" == "pids.max = 512")
    }

    @Test("A policy's run_as names root, the invoking user, or an account")
    func runAs() {
        for (text, value) in [("root", RunAs.root), ("user", .invokingUser), ("builder", .named("builder"))] {
            #expect(RunAs(text) == value)
            #expect(value.description == text)
        }
    }
}
