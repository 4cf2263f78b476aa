import Digest
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "gives the digests of FIPS 180-4's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                    + "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ])
    func examples(text: String, digest: String) {
        #expect(sha256(Array(text.utf8)) == digest)
    }

    @Test func `A million bytes are 15,625 blocks and one of padding`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(sha256(bytes) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// The digest of all digests, as sha256sum(1) gives them one by one.
    @Test func `Messages of every length up to four blocks are padded as they must be`() {
        let digests = (0...256).map { count in sha256((0..<count).map { UInt8(truncatingIfNeeded: $0) }) }
        #expect(
            sha256(Array(digests.joined().utf8)) == "00dc86ab7ad5ccca0588a4829cdbc35f58fc36e33894b884f51be4d8f3c6d8fa")
    }
}
