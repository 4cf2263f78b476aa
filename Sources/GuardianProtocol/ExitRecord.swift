// What a witness notes of the end of a protected phase, for a reader who was not there.

import UpdateModel

/// How the main process of a protected phase ended. One line of a file in the state directory:
/// `exit=7 wall_ms=1520 ended_ms=1795246212345`, or `signal=9 …`.
public struct ExitRecord: Equatable, Sendable {
    public enum Status: Equatable, Sendable {
        case exited(code: Int32)
        case signalled(number: Int32)
    }

    public var status: Status
    /// From its start to its end, in milliseconds.
    public var wallMilliseconds: Int64
    public var end: Timestamp

    public init(status: Status, wallMilliseconds: Int64, end: Timestamp) {
        self.status = status
        self.wallMilliseconds = wallMilliseconds
        self.end = end
    }

    /// The name of a step's exit record: `20261121-073012-4711.apt.execute.exit`.
    public static func fileName(run: RunID, step: StepID) -> String {
        "\(run).\(step.plugin).\(step.phase).exit"
    }

    /// The run and the step whose exit record has this name; `nil` where it is a name of something else.
    public static func identity(fileName: String) -> (run: RunID, step: StepID)? {
        // A plugin's name may have dots in it, a run's and a phase's not.
        let parts = fileName.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.last == "exit", let run = RunID(parts[0]),
            let plugin = PluginName(parts[1..<(parts.count - 2)].joined(separator: ".")),
            let phase = Phase(rawValue: String(parts[parts.count - 2]))
        else { return nil }
        return (run, StepID(plugin, phase))
    }

    /// The line, with its line feed.
    public var line: String {
        let how =
            switch status {
            case .exited(let code): "exit=\(code)"
            case .signalled(let number): "signal=\(number)"
            }
        return "\(how) wall_ms=\(wallMilliseconds) ended_ms=\(end.millisecondsSince1970)\n"
    }

    /// The last whole record of a file, since a step that is tried again appends another; `nil` where there is none.
    public init?(lastIn content: [UInt8]) {
        guard let lastLineFeed = content.lastIndex(of: 0x0A) else { return nil }
        let lines = content[..<lastLineFeed].split(separator: 0x0A)
        guard let line = lines.last else { return nil }
        let fields = KeyedLine(String(decoding: line, as: UTF8.self))
        if let code = fields.number("exit", as: Int32.self) {
            status = .exited(code: code)
        } else if let number = fields.number("signal", as: Int32.self) {
            status = .signalled(number: number)
        } else {
            return nil
        }
        guard let wall = fields.number("wall_ms", as: Int64.self), let ended = fields.number("ended_ms", as: Int64.self)
        else { return nil }
        wallMilliseconds = wall
        end = Timestamp(millisecondsSince1970: ended)
    }
}

/// A line of `key=value` fields with spaces between them.
struct KeyedLine {
    private let fields: [(key: Substring, value: Substring)]

    init(_ line: String) {
        fields = line.split(separator: " ").compactMap { field in
            field.firstIndex(of: "=").map { (field[..<$0], field[field.index(after: $0)...]) }
        }
    }

    func text(_ key: String) -> Substring? { fields.first { $0.key == key }?.value }

    func number<Number: FixedWidthInteger>(_ key: String, as _: Number.Type) -> Number? {
        text(key).flatMap { Number($0) }
    }
}
