// A plugin's answer to a question, as its process gave it, and the simple kinds of answers decoded.

import JSONDocument
import PluginManifests
import UpdateModel

/// What became of the process that was asked.
public struct Answer: Hashable, Sendable {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// It was ended, since it took longer than the question's timeout.
        case timedOut(after: Duration)
        /// It could not be started: why, as a clause.
        case notStarted(String)
    }

    public var ending: Ending
    /// At most `answerLimit` of the command.
    public var output: [UInt8]
    /// There was more output.
    public var isCut: Bool
    /// The last line of its standard error that is not empty, for messages.
    public var lastErrorLine: String?

    public init(_ ending: Ending, output: [UInt8] = [], isCut: Bool = false, lastErrorLine: String? = nil) {
        self.ending = ending
        self.output = output
        self.isCut = isCut
        self.lastErrorLine = lastErrorLine
    }

    /// It said yes. Whatever it said otherwise, it did not.
    public var isYes: Bool { ending == .exited(0) }

    enum Reply {
        case exit(Int32)
        /// There is none: why, as a clause.
        case missing(String)
    }

    var reply: Reply {
        switch ending {
        case .exited(let code): .exit(code)
        case .signalled(let number): .missing("it was ended by signal \(number)" + quotation)
        case .timedOut(let limit): .missing(timeoutMessage(after: limit))
        case .notStarted(let reason): .missing("it could not be started: \(reason)")
        }
    }

    /// Why there is no answer; `nil` where its exit is one.
    var failure: String? { if case .missing(let reason) = reply { reason } else { nil } }

    /// `: E: could not get lock`, or nothing.
    var quotation: String { lastErrorLine.map { ": \($0.prefix(200))" } ?? "" }

    /// The lines of its output that are not empty, without the blanks around them.
    var lines: [Substring] {
        String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { line in
                let start = line.drop(while: \.isWhitespace)
                return start.lastIndex { !$0.isWhitespace }.map { start[...$0] } ?? ""
            }
            .filter { !$0.isEmpty }
    }
}

/// What is said of a command or a step that was ended since it took too long.
public func timeoutMessage(after limit: Duration) -> String {
    let seconds = limit.inSeconds
    return "Command timed out after \(seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)")s"
}

/// What a query for a list came to. What could not be used is said in `warnings`; the rest of the list stands.
public struct ListAnswer<Value: Hashable & Sendable>: Hashable, Sendable {
    /// `nil`: the plugin has no such list, or did not answer. The manifest's serves alone then.
    public var value: Value?
    /// As clauses.
    public var warnings: [String] = []
}

/// The names that `get-dependency` tells.
public struct Dependencies: Hashable, Sendable {
    public var requires: [PluginName] = []
    public var conflicts: [PluginName] = []

    public init() {}
}

extension Answer {
    /// `version`: its first line. `nil` where it told none.
    public func version() -> String? { isYes ? lines.first.map(String.init) : nil }

    /// `runs-after`: names of plugins, one a line.
    public func pluginNames() -> ListAnswer<[PluginName]> {
        list { answer in
            answer.lines.compactMapOrWarn(PluginName.init) { "\"\($0)\" is not the name of a plugin" }
        }
    }

    /// `sudo-programs-paths`: absolute paths, one a line.
    public func paths() -> ListAnswer<[String]> {
        list { answer in
            answer.lines.compactMapOrWarn {
                $0.hasPrefix("/") ? String($0) : nil
            } _: {
                "\"\($0)\" is not an absolute path"
            }
        }
    }

    /// `download-mutexes` and its like: what is held in that phase, one a line.
    public func heldMutexes() -> ListAnswer<MutexClaims> {
        list { answer in Self.claims(answer.lines) }
    }

    /// `download-dependency` and its like: what must be free when that phase starts, one a line.
    public func freeMutexes() -> ListAnswer<Set<MutexName>> {
        list { answer in
            let (names, warnings) = answer.lines.compactMapOrWarn { text in
                MutexName(text).flatMap { $0 == .downloadsPool ? nil : $0 }
            } _: {
                "\"\($0)\" is not the name of a mutex"
            }
            return (Set(names), warnings)
        }
    }

    /// `get-mutexes`: `{"mutexes":["dpkg"]}`, held in every phase.
    public func mutexes() -> ListAnswer<MutexClaims> {
        object { object throws(MalformedAnswer) in Self.claims(try object.names("mutexes")) }
    }

    /// `get-dependency`: `{"dependencies":["apt"],"conflicts":["snap"]}`.
    public func dependencies() -> ListAnswer<Dependencies> {
        object { object throws(MalformedAnswer) in
            var answer = Dependencies()
            let warning = { (text: String) in "\"\(text)\" is not the name of a plugin" }
            let (requires, first) = try object.names("dependencies").compactMapOrWarn(PluginName.init, warning)
            let (conflicts, second) = try object.names("conflicts").compactMapOrWarn(PluginName.init, warning)
            (answer.requires, answer.conflicts) = (requires, conflicts)
            return (answer, first + second)
        }
    }

    private static func claims(_ texts: [some StringProtocol]) -> (MutexClaims, [String]) {
        var claims = MutexClaims()
        var warnings: [String] = []
        for text in texts {
            do throws(MutexClaims.InvalidClaim) {
                try claims.insert(text)
            } catch {
                warnings.append(error.message)
            }
        }
        return (claims, Array(warnings.prefix(warningLimit)))
    }

    /// Exit 1 and 2 mean that the plugin does not know the command.
    private func list<Value>(
        _ decode: (Answer) throws(MalformedAnswer) -> (Value, [String])
    ) -> ListAnswer<Value> {
        switch reply {
        case .exit(0): break
        case .exit(1), .exit(2): return ListAnswer(value: nil)
        case .exit(let code): return ListAnswer(value: nil, warnings: ["it exited with code \(code)\(quotation)"])
        case .missing(let reason): return ListAnswer(value: nil, warnings: [reason])
        }
        guard !isCut else {
            return ListAnswer(value: nil, warnings: ["its answer is longer than the 64 KiB that are read"])
        }
        do {
            let (value, warnings) = try decode(self)
            return ListAnswer(value: value, warnings: warnings)
        } catch {
            return ListAnswer(value: nil, warnings: [error.message])
        }
    }

    private func object<Value>(
        _ decode: (JSONValue) throws(MalformedAnswer) -> (Value, [String])
    ) -> ListAnswer<Value> {
        list { answer throws(MalformedAnswer) in
            let value: JSONValue
            do { value = try JSONValue(parsing: answer.output) } catch {
                throw MalformedAnswer(message: "its answer is not JSON (\(error))")
            }
            guard case .object = value else { throw MalformedAnswer(message: "its answer is not a JSON object") }
            return try decode(value)
        }
    }
}

/// Of one answer: what is longer is not a list with a mistake but something else altogether.
private let warningLimit = 8

private struct MalformedAnswer: Error { let message: String }

extension JSONValue {
    /// The strings of a member that is a list; empty where it is missing.
    fileprivate func names(_ key: String) throws(MalformedAnswer) -> [String] {
        guard let member = self[key], member != .null else { return [] }
        guard let names = member.strings else {
            throw MalformedAnswer(message: "\"\(key)\" in its answer is not a list of strings")
        }
        return names
    }
}

extension Sequence where Element: StringProtocol {
    /// The elements that can be converted, each once, and a warning for each that cannot; at most `warningLimit` of those.
    fileprivate func compactMapOrWarn<Value: Hashable>(
        _ convert: (Element) -> Value?, _ warning: (String) -> String
    ) -> ([Value], [String]) {
        var values: [Value] = []
        var seen: Set<Value> = []
        var warnings: [String] = []
        for element in self {
            if let value = convert(element) {
                if seen.insert(value).inserted { values.append(value) }
            } else if warnings.count < warningLimit {
                warnings.append(warning(String(element.prefix(100))))
            }
        }
        return (values, warnings)
    }
}

/// What `validate` came to.
public enum ValidationAnswer: Hashable, Sendable {
    case inOrder
    /// What it said last, or how it ended, as a clause.
    case complaint(String)

    /// - Parameter plugin: whose answer it is; many begin their lines with their name.
    public init(_ answer: Answer, of plugin: PluginName) {
        switch answer.reply {
        case .exit(0): self = .inOrder
        case .exit(let code):
            guard let line = answer.lastErrorLine else {
                self = .complaint("validate exited with code \(code)")
                return
            }
            let name = "\(plugin): "
            self = .complaint(String(line.hasPrefix(name) ? line.dropFirst(name.count) : line[...]))
        case .missing(let reason): self = .complaint("whether all is in order is not known: \(reason)")
        }
    }
}

/// What `self-update` and `self-upgrade` came to.
public enum SelfUpdateAnswer: Hashable, Sendable {
    case done
    case notSupported
    case failed(String)

    public init(_ answer: Answer) {
        switch answer.reply {
        case .exit(0): self = .done
        case .exit(1): self = .notSupported
        case .exit(let code): self = .failed("it exited with code \(code)\(answer.quotation)")
        case .missing(let reason): self = .failed(reason)
        }
    }
}
