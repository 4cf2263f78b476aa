// Which programs give root away to whoever may run them as root: a table, since no code knows tools.

import TomlDocument

/// Kinds of programs that amount to root.
///
///     [shells]
///     reason = "a shell runs what it is told"
///     programs = ["sh", "bash"]
public struct RootPrograms: Sendable {
    private let reasons: [String: String]

    /// - Throws: all that is wrong with the file.
    public init(parsing bytes: [UInt8], file: String) throws(Diagnostics) {
        let document: TomlTable
        do throws(Diagnostic) { document = try parseToml(bytes, file: file) } catch { throw Diagnostics([error]) }
        var reader = TomlTableReader(document, file: file)
        var reasons: [String: String] = [:]
        for entry in reader.remainingEntries() {
            _ = reader.table(entry) { kind in
                let reason = kind.string("reason", required: true) ?? ""
                for program in kind.strings("programs") ?? [] { reasons[program] = reason }
            }
        }
        let findings = reader.finish()
        if !findings.isEmpty { throw Diagnostics(findings) }
        self.reasons = reasons
    }

    /// Why whoever may run the program at `path` as root is root; `nil` where nothing is known of it. A version behind the
    /// name, as of `tool3.11`, makes no difference.
    public func reason(for path: String) -> String? {
        let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
        var base = name
        while let last = base.last, last.isASCII, last.isNumber || last == "." || last == "-" { base.removeLast() }
        return reasons[String(name)] ?? reasons[String(base)]
    }
}
