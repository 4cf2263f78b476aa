// The forms of a policy's strings: percentages, names.

import UpdateModel

/// Reads `25%`, `12.5 %`; at most three decimals and at most 1,000,000 %. 1 is 100 %.
func percentage(_ text: some StringProtocol) -> Fraction? {
    guard text.last == "%" else { return nil }
    let digits = text.dropLast().reversed().drop { $0 == " " }.reversed().map(String.init).joined()
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }),
        parts.count == 1 || parts[1].count <= 3, let percent = Double(digits), percent <= 1_000_000
    else { return nil }
    return Fraction(percent / 100)
}

/// Whether a text can be the name of an account (systemd's "strict" syntax, with dots).
func isAccountName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 31 else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    return isLetter(first)
        && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
}

/// Whether a path is absolute, without `..`, and can be handed to the kernel.
func isAbsolutePath(_ text: String) -> Bool {
    text.hasPrefix("/") && !text.utf8.contains(0) && !text.split(separator: "/").contains("..")
}

/// Whether a text names a control group below the mount point: `system.slice/postgresql.service`.
func isCgroupPath(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return !text.utf8.contains(0) && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
}

func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) && character.isASCII }
