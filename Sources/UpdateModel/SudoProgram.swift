// What a plugin runs through sudo, as a manifest, a plugin's answer or a policy declares it.

/// A program with the arguments that it may be given: `/usr/bin/tool` with any, `/usr/bin/tool refresh -q` with exactly
/// these, `/usr/bin/tool ""` with none. As in sudoers(5), a space in the path has a backslash before it.
public struct SudoProgram: Hashable, Sendable, CustomStringConvertible {
    /// Absolute. `*`, `?` and `[…]` are wildcards, here and in arguments.
    public let path: String
    /// `nil`: any.
    public let arguments: [String]?

    /// Why a declaration cannot become a rule, as a clause.
    public struct Malformed: Error, Hashable {
        public let reason: String
    }

    public init(_ declaration: String) throws(Malformed) {
        if declaration.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            throw Malformed(reason: "it has a control character")
        }
        var words = try Self.words(of: declaration)
        guard let path = words.first, path.hasPrefix("/") else {
            throw Malformed(reason: "it does not begin with an absolute path")
        }
        // sudo takes a path that ends with a slash for every program in that directory.
        let names = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard !names.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw Malformed(reason: "its path must have a name between all slashes, and neither \".\" nor \"..\"")
        }
        words.removeFirst()
        if words == ["\"\""] {
            arguments = []
        } else {
            // sudo would take the first for a regular expression, and a person the second for a shell's.
            if words.first?.hasPrefix("^") ?? false { throw Malformed(reason: "its arguments begin with \"^\"") }
            if words.contains(where: { $0.contains("\"") }) { throw Malformed(reason: "an argument has a quote in it") }
            arguments = words.isEmpty ? nil : words
        }
        self.path = path
    }

    /// Words with their escapes resolved.
    private static func words(of declaration: String) throws(Malformed) -> [String] {
        var words: [String] = []
        var word = ""
        var isEscaped = false
        for character in declaration {
            switch (character, isEscaped) {
            case (" ", true):
                word.append(" ")
                isEscaped = false
            case (_, true): throw Malformed(reason: "a backslash may only stand before a space")
            case ("\\", false): isEscaped = true
            case (" ", false):
                if !word.isEmpty { words.append(word) }
                word = ""
            default: word.append(character)
            }
        }
        if isEscaped { throw Malformed(reason: "a backslash may only stand before a space") }
        if !word.isEmpty { words.append(word) }
        if words.dropFirst().contains(where: { $0.contains(" ") }) {
            throw Malformed(reason: "sudo cannot tell a space in an argument from one between two")
        }
        return words
    }

    /// Whether all that `other` allows is allowed by it, too.
    public func covers(_ other: SudoProgram) -> Bool {
        path == other.path && (arguments == nil || arguments == other.arguments)
    }

    /// What two lists of declarations have in common: of each pair the narrower one. What cannot be read is in neither.
    public static func common(_ left: [String], _ right: [String]) -> [String] {
        func programs(_ texts: [String]) -> [(text: String, program: SudoProgram)] {
            texts.compactMap { text in (try? SudoProgram(text)).map { (text, $0) } }
        }
        let others = programs(right)
        var common: [String] = []
        for (text, program) in programs(left) {
            let isAllowed = others.contains { $0.program.covers(program) }
            let narrower = isAllowed ? [text] : others.filter { program.covers($0.program) }.map(\.text)
            common += narrower.filter { !common.contains($0) }
        }
        return common
    }

    public var hasWildcards: Bool {
        ([path] + (arguments ?? [])).contains { $0.contains { "*?[".contains($0) } }
    }

    /// As sudoers(5) has a command.
    public var description: String {
        let path = Self.escaped(path, ",:=# ")
        guard let arguments else { return path }
        if arguments.isEmpty { return path + " \"\"" }
        return ([path] + arguments.map { Self.escaped($0, ",:=#") }).joined(separator: " ")
    }

    private static func escaped(_ text: String, _ special: String) -> String {
        text.reduce(into: "") { out, character in
            if special.contains(character) { out.append("\\") }
            out.append(character)
        }
    }
}
