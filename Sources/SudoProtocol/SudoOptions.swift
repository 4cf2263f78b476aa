// The command line of sudo, as far as a step's sudo understands it. What cannot be kept to is refused: nothing is dropped
// that would have the command run with more, or otherwise, than was asked for.

/// What a command line asks of sudo.
public enum SudoInvocation: Equatable, Sendable {
    /// Runs a program as root: a name or a path as it was typed, and its arguments.
    case run(program: String, arguments: [String])
    /// `-v`: only says whether there is somebody who runs commands.
    case validate
    /// `-k`, `-K`: there is no ticket that could be forgotten.
    case forget
    /// `-V`
    case version
    /// `-h`, or nothing at all.
    case usage
}

/// Why a command line is refused, as a sentence without a full stop that says what to do.
public struct SudoOptionRefusal: Error, Equatable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

extension SudoInvocation {
    /// - Parameter arguments: without the program's own name.
    public init(_ arguments: [String]) throws(SudoOptionRefusal) {
        var reader = OptionReader(arguments)
        self = try reader.invocation()
    }
}

/// Options as getopt_long(3) reads them: short ones may stand together, a value may follow at once or as the next argument,
/// long ones may be cut as long as one alone is meant.
private struct OptionReader {
    private var rest: ArraySlice<String>
    private var mode: SudoInvocation?
    private var forgets = false

    init(_ arguments: [String]) { rest = arguments[...] }

    private enum Meaning {
        /// About a password, a ticket or HOME: nobody is asked, and HOME is root's.
        case nothing
        /// The same, with a value.
        case nothingOf
        case user, validate, forget, forgetOnly, version, usage
        /// Why not.
        case refused(String)
    }

    private static let options: [(short: Character, long: String, meaning: Meaning)] = [
        ("A", "askpass", .nothing), ("B", "bell", .nothing), ("H", "set-home", .nothing),
        ("n", "non-interactive", .nothing), ("S", "stdin", .nothing), ("p", "prompt", .nothingOf),
        ("u", "user", .user), ("v", "validate", .validate), ("k", "reset-timestamp", .forget),
        ("K", "remove-timestamp", .forgetOnly), ("V", "version", .version), ("h", "help", .usage),
        ("E", "preserve-env", .refused("the environment is root's own: pass values as arguments")),
        ("P", "preserve-groups", .refused("the groups are root's own")),
        ("N", "no-update", .nothing),
        ("b", "background", .refused("a step's commands end with it: run it in the foreground")),
        ("e", "edit", .refused("only programs are run")),
        ("i", "login", .refused("only programs are run, no shell: name the program")),
        ("s", "shell", .refused("only programs are run, no shell: name the program")),
        ("l", "list", .refused("update-all policy explain PLUGIN lists what is allowed")),
        ("g", "group", .refused("commands run as root with root's group")),
        ("C", "close-from", .refused("nothing but the standard streams is passed on")),
        ("D", "chdir", .refused("change the directory before, with cd")),
        ("R", "chroot", .refused("name a program that does it")),
        ("r", "role", .refused("the security context stays as it is")),
        ("t", "type", .refused("the security context stays as it is")),
        ("T", "command-timeout", .refused("the step's own timeout counts")),
        ("U", "other-user", .refused("only the step's own commands are run")),
    ]

    mutating func invocation() throws(SudoOptionRefusal) -> SudoInvocation {
        loop: while let argument = rest.first, argument.hasPrefix("-"), argument != "-" {
            rest.removeFirst()
            if argument == "--" { break loop }
            if argument.hasPrefix("--") {
                try takeLong(argument.dropFirst(2))
            } else {
                try takeShort(argument.dropFirst())
            }
        }
        guard let program = rest.first else { return mode ?? (forgets ? .forget : .usage) }
        if mode != nil { throw SudoOptionRefusal("\"\(program)\" stands behind an option that runs nothing") }
        if let equals = program.firstIndex(of: "="), !program[..<equals].contains("/") {
            throw SudoOptionRefusal("\(program): variables are not passed on; pass values as arguments")
        }
        return .run(program: program, arguments: Array(rest.dropFirst()))
    }

    private mutating func takeShort(_ letters: Substring) throws(SudoOptionRefusal) {
        var letters = letters
        while let letter = letters.popFirst() {
            guard let option = Self.options.first(where: { $0.short == letter }) else {
                throw SudoOptionRefusal("it knows no option -\(letter)")
            }
            try take(option.meaning, "-\(letter)") {
                defer { letters = "" }
                return letters.isEmpty ? nil : String(letters)
            }
        }
    }

    private mutating func takeLong(_ text: Substring) throws(SudoOptionRefusal) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0]
        // Its own option, so that -h is not taken for it.
        if name == "host" { throw SudoOptionRefusal("--host: commands run on this machine") }
        let exact = Self.options.filter { $0.long == name }
        let found = exact.isEmpty ? Self.options.filter { $0.long.hasPrefix(name) } : exact
        guard found.count == 1, let option = found.first else {
            throw SudoOptionRefusal("it knows no option --\(name)")
        }
        try take(option.meaning, "--\(option.long)") { parts.count > 1 ? String(parts[1]) : nil }
    }

    /// - Parameter attached: the value that is part of the same argument.
    private mutating func take(
        _ meaning: Meaning, _ name: String, attached: () -> String?
    ) throws(SudoOptionRefusal) {
        switch meaning {
        case .nothing: break
        case .nothingOf: _ = try value(of: name, attached())
        case .user:
            let user = try value(of: name, attached())
            guard user == "root" || user == "#0" else {
                throw SudoOptionRefusal("\(name) \(user): commands run as root and nobody else")
            }
        case .validate: mode = .validate
        case .forget: forgets = true
        case .forgetOnly: mode = .forget
        case .version: mode = .version
        case .usage: mode = .usage
        case .refused(let reason): throw SudoOptionRefusal("\(name) is not taken: \(reason)")
        }
    }

    private mutating func value(of name: String, _ attached: String?) throws(SudoOptionRefusal) -> String {
        if let attached { return attached }
        guard let next = rest.popFirst() else { throw SudoOptionRefusal("\(name) needs a value") }
        return next
    }
}
