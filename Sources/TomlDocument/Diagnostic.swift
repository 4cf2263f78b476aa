// What is wrong with a text that somebody wrote, and where, so that an editor can jump there.

import UpdateModel

/// A place in a text. Both numbers count from 1; columns are Unicode scalars, as editors count.
public struct TextPosition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public var description: String { "\(line):\(column)" }

    public static func < (left: Self, right: Self) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One finding: `policies/site.toml:7:1: unknown key "memory_hihg" in [run] (did you mean "memory_high"?)`.
public struct Diagnostic: Error, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The file's name as it is shown to people.
    public let file: String
    /// `nil`: about the file as a whole, or about a text that is no file.
    public let position: TextPosition?
    /// What is wrong and what would be right, without a full stop. Control characters are escaped,
    /// since it may quote any byte of a stranger's file and goes to a terminal.
    public let message: String

    public init(file: String, position: TextPosition?, message: String) {
        self.file = Self.escapingControls(file)
        self.position = position
        self.message = Self.escapingControls(message)
    }

    public var description: String {
        position.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
    }

    /// By file, then by position; what has none comes first.
    public static func < (left: Self, right: Self) -> Bool {
        func key(_ diagnostic: Self) -> (String, Int, Int, String) {
            (diagnostic.file, diagnostic.position?.line ?? 0, diagnostic.position?.column ?? 0, diagnostic.message)
        }
        return key(left) < key(right)
    }

    /// C0, DEL, C1 and what changes the direction of a line are shown as `\u{1B}`.
    private static func escapingControls(_ text: String) -> String {
        func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        return text.unicodeScalars.reduce(into: "") { shown, scalar in
            if isUnsafe(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
    }
}

/// All that is wrong with what was read, sorted by position and each finding once; never empty when thrown.
public struct Diagnostics: Error, Hashable, Sendable, CustomStringConvertible {
    public let list: [Diagnostic]

    public init(_ findings: some Sequence<Diagnostic>) {
        list = Set(findings).sorted()
    }

    /// One line for each.
    public var description: String { list.map(\.description).joined(separator: "\n") }
}

/// The end of a message that refuses `text`: ` (did you mean "memory_high"?)`, or nothing where no candidate is near.
public func didYouMean(_ text: String, in candidates: some Sequence<String>) -> String {
    nearestName(to: text, in: candidates).map { " (did you mean \"\($0)\"?)" } ?? ""
}
