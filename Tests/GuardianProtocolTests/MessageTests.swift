import GuardianProtocol
import TestSupport
import Testing
import UpdateModel

@Suite("Messages to the guardian")
struct MessageTests {
    static let step = StepID(PluginName("apt")!, .execute)
    static let run = RunID("20261121-073012-4711")!
    static let everyKind: [GuardianMessage] = [
        .begin(.init(id: run, stepsGroup: "/g/steps", runGroup: "/g", stateDirectory: "/var/lib/update-all")),
        .begin(.init(id: run, stepsGroup: nil, runGroup: nil, stateDirectory: "/s")),
        .protect(step, outputs: 2, hasProcess: true),
        .protect(step, outputs: 0, hasProcess: false),
        .unprotect(step),
        .track(step, session: 4712, temporaryDirectory: "/tmp/ä b"),
        .track(step, session: nil, temporaryDirectory: "/tmp/c"),
        .untrack(step),
        .terminal(nil),
        .terminal(.init(attributes: [1, 2, 0, 255], escapes: [0x1B, 0x5B], sessionLeader: 1, foregroundGroup: -1)),
        .keepOpen,
        .finish,
    ]

    @Test("every kind is read back as it was written", arguments: everyKind)
    func roundTrip(message: GuardianMessage) throws {
        let bytes = try #require(message.encoded())
        #expect(GuardianMessage(bytes: bytes) == message)
        #expect(bytes.count <= GuardianMessage.maximumSize)
    }

    @Test("a message that is cut anywhere, or has a byte too many, is none", arguments: everyKind)
    func truncation(message: GuardianMessage) throws {
        let bytes = try #require(message.encoded())
        for count in 0..<bytes.count { #expect(GuardianMessage(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(GuardianMessage(bytes: bytes + [0]) == nil)
    }

    @Test("a message of another version is refused", arguments: everyKind)
    func version(message: GuardianMessage) throws {
        var bytes = try #require(message.encoded())
        bytes[0] += 1
        #expect(GuardianMessage(bytes: bytes) == nil)
    }

    @Test("the longest message there can be still fits into a packet")
    func longest() throws {
        let path = "/" + String(repeating: "p", count: GuardianMessage.maximumPathSize - 1)
        let message = GuardianMessage.begin(.init(id: Self.run, stepsGroup: path, runGroup: path, stateDirectory: path))
        let bytes = try #require(message.encoded())
        #expect(bytes.count <= GuardianMessage.maximumSize)
        #expect(GuardianMessage(bytes: bytes) == message)
    }

    @Test(
        "what is too long, relative, or has a NUL in it is not written",
        arguments: ["/" + String(repeating: "p", count: GuardianMessage.maximumPathSize), "relative", "", "/a\0b"])
    func refusedPaths(path: String) {
        let message = GuardianMessage.track(Self.step, session: 7, temporaryDirectory: path)
        #expect(message.encoded() == nil)
    }

    @Test("too many outputs, and terminal data without an end, are not written")
    func refusedNumbers() {
        #expect(GuardianMessage.protect(Self.step, outputs: 5, hasProcess: true).encoded() == nil)
        let long = [UInt8](repeating: 0, count: GuardianMessage.maximumTerminalSize + 1)
        #expect(
            GuardianMessage.terminal(.init(attributes: long, escapes: [], sessionLeader: 1, foregroundGroup: 1))
                .encoded() == nil)
    }

    @Test("a session that no step can have is refused: to kill it would be to kill the machine", arguments: [1, 0, -1])
    func session(number: Int32) throws {
        let message = GuardianMessage.track(Self.step, session: number, temporaryDirectory: "/tmp")
        #expect(GuardianMessage(bytes: try #require(message.encoded())) == nil)
    }

    @Test("the number of descriptors is that of the log, the outputs and the process")
    func descriptors() {
        #expect(Self.everyKind.map(\.descriptorCount) == [0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 1, 0])
    }

    @Test("random bytes, and valid messages with random changes, never trap, and what is read can be written again")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            var bytes: [UInt8]
            if Bool.random(using: &generator) {
                let length = Int.random(in: 0...64, using: &generator)
                bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                if !bytes.isEmpty { bytes[0] = GuardianMessage.version }
                if bytes.count > 1 { bytes[1] %= 9 }
            } else {
                bytes = Self.everyKind.randomElement(using: &generator)!.encoded()!
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            }
            guard let message = GuardianMessage(bytes: bytes) else { continue }
            #expect(message.encoded() == bytes, "seed \(seed)")
        }
    }

    @Test("bytes beyond the largest message are refused unread")
    func tooLong() {
        #expect(GuardianMessage(bytes: [UInt8](repeating: 1, count: GuardianMessage.maximumSize + 1)) == nil)
    }
}
