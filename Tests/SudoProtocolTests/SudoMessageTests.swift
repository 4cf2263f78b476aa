import SudoProtocol
import TestSupport
import Testing

@Suite("What a step's sudo and update-all say to each other")
struct SudoMessageTests {
    @Test("comes back as it was sent")
    func requests() throws {
        let long = SudoRequest.run(program: "x", arguments: Array(repeating: "é", count: 1023))
        for request in [
            .run(program: "apt-get", arguments: []), .run(program: "/bin/a b", arguments: ["", "-y", "ü\n"]), long,
            .validate, .signal(15), SudoRequest.signal(31),
        ] {
            #expect(SudoRequest(bytes: try #require(request.encoded)) == request)
        }
        for reply in [
            SudoReply.accepted, .refused("no"), .refused(""), .ended(status: 255, isSignal: false),
            .ended(status: 9, isSignal: true),
        ] {
            #expect(SudoReply(bytes: reply.encoded) == reply)
        }
    }

    @Test("is not sent where it is too long, or would be cut by a zero byte")
    func limits() {
        #expect(SudoRequest.run(program: "x", arguments: Array(repeating: "", count: 1024)).encoded == nil)
        #expect(SudoRequest.run(program: "x", arguments: [String(repeating: "x", count: 65_536)]).encoded == nil)
        #expect(SudoRequest.run(program: "a\0b", arguments: []).encoded == nil)
        #expect(SudoRequest.signal(0).encoded == nil && SudoRequest.signal(64).encoded == nil)
        let cut = SudoReply.refused(String(repeating: "x", count: 9000))
        #expect(cut.encoded.count == SudoReply.maximumSize)
        #expect(SudoReply(bytes: cut.encoded) != nil)
    }

    @Test(
        "that is none is taken for none",
        arguments: [
            [], [1], [2, 1], [0, 0, 65, 0], [1, 0], [1, 0, 65], [1, 0, 0xFF, 0], [1, 1, 0], [1, 2], [1, 2, 0],
            [1, 2, 32], [1, 2, 9, 9], [1, 3], [1, 255],
        ] as [[UInt8]])
    func nonsense(bytes: [UInt8]) { #expect(SudoRequest(bytes: bytes) == nil) }

    @Test("random bytes are read without harm, and what is read says the same when it is written again")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                [0, 1, 2, 3, 65, UInt8.random(in: 0...255, using: &generator)].randomElement(using: &generator) ?? 0
            }
            if !bytes.isEmpty { bytes[0] = 1 }
            if let request = SudoRequest(bytes: bytes) { #expect(request.encoded == bytes, "seed \(seed)") }
            if let reply = SudoReply(bytes: bytes) { #expect(SudoReply(bytes: reply.encoded) == reply, "seed \(seed)") }
        }
    }
}
