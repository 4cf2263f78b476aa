// What is said over a run's control socket (docs/contract.md, "The control socket"): one line of JSON to the run, one back.

import JSONDocument
import RunModel

/// What somebody wants of a run in progress.
public enum ControlRequest: Hashable, Sendable {
    case status, pause, resume, cancel
    /// Gives values of the policy, `KEY=VALUE` each as `--set` takes them.
    case set([String])
}

/// What the run answers.
public struct ControlReply: Hashable, Sendable {
    /// The run does not do it.
    public struct Refusal: Error, Hashable, Sendable {
        /// Of the program that asked.
        public var exitCode: ExitCode
        /// As a sentence without a full stop; it says what to do.
        public var reason: String

        public init(_ exitCode: ExitCode, _ reason: String) {
            self.exitCode = exitCode
            self.reason = reason
        }
    }

    /// What was done, as sentences without a full stop.
    public var notes: [String]
    public var refusal: Refusal?
    /// `nil`: whoever asked may not know.
    public var status: RunStatus?

    public init(notes: [String] = [], status: RunStatus?) {
        self.notes = notes
        self.status = status
    }

    public init(_ refusal: Refusal, status: RunStatus? = nil) {
        notes = []
        self.refusal = refusal
        self.status = status
    }
}

private let protocolVersion: Int64 = 1

private enum CommandName: String {
    case status, pause, resume, cancel, set
}

extension ControlRequest {
    private var command: CommandName {
        switch self {
        case .status: .status
        case .pause: .pause
        case .resume: .resume
        case .cancel: .cancel
        case .set: .set
        }
    }

    /// The request as one line, its line feed included.
    public var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.write("version", protocolVersion)
        writer.write("command", command.rawValue)
        if case .set(let settings) = self { writer.write("settings", settings) }
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }

    /// The request that `line` is, with or without its line feed. Members that are not known are ignored.
    /// - Throws: where it is none, or one that only a newer program understands.
    public init(_ line: some Collection<UInt8>) throws(EventDecodingError) {
        let members = try Members(ofLine: line)
        let command: CommandName = try members.required("command", .word)
        switch command {
        case .status: self = .status
        case .pause: self = .pause
        case .resume: self = .resume
        case .cancel: self = .cancel
        case .set: self = .set(try members.list("settings", .string))
        }
    }
}

extension ControlReply {
    /// The reply as one line, its line feed included.
    public var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.write("version", protocolVersion)
        if !notes.isEmpty { writer.write("notes", notes) }
        if let refusal {
            writer.key("error")
            writer.beginObject()
            writer.write("exit_code", Int64(refusal.exitCode.rawValue))
            writer.write("message", refusal.reason)
            writer.endObject()
        }
        if let status {
            writer.key("status")
            writer.beginObject()
            writer.writeMembers(of: status)
            writer.endObject()
        }
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }

    /// The reply that `line` is, with or without its line feed. Members that are not known are ignored.
    public init(_ line: some Collection<UInt8>) throws(EventDecodingError) {
        let members = try Members(ofLine: line)
        notes = try members.list("notes", .string)
        if let error = try members.optional("error") {
            refusal = Refusal(
                try error.required("exit_code", .exitCode), try error.required("message", .string))
        }
        status = try members.optional("status").map { (members: Members) throws(EventDecodingError) in
            try RunStatus(members)
        }
    }
}

extension Form<ExitCode> {
    /// Of the codes that a refusal can have; what a newer program says else is a failure.
    fileprivate static var exitCode: Self {
        Form("an exit code") { value in
            value.integerValue.map { code in
                [.usage, .unenforceable, .authentication].first { Int64($0.rawValue) == code } ?? .failure
            }
        }
    }
}
