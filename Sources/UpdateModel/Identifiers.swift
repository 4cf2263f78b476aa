// The names of things: plugins, phases, steps, runs. Each is a type, so that none is taken for another.

/// A plugin's name: `[a-z0-9][a-z0-9._-]{0,63}`.
public struct PluginName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: String

    /// `nil` where `text` is not a valid name.
    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= 64, Self.isAlphanumeric(first),
            bytes.allSatisfy({ Self.isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D })
        else { return nil }
        rawValue = String(text)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a plugin does in turn. `check` asks and changes nothing, `download` fetches, `execute` commits.
public enum Phase: String, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case check, download, execute

    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.order < right.order }

    private var order: Int {
        switch self {
        case .check: 0
        case .download: 1
        case .execute: 2
        }
    }
}

/// A step is a plugin's phase; written `apt/execute`.
public struct StepID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let plugin: PluginName
    public let phase: Phase

    public init(_ plugin: PluginName, _ phase: Phase) {
        self.plugin = plugin
        self.phase = phase
    }

    /// The name of the control group of a try of the step: `apt.execute`, `apt.execute.2`.
    /// - Parameter attempt: from 1.
    public func leafName(attempt: Int) -> String { "\(plugin).\(phase)" + (attempt > 1 ? ".\(attempt)" : "") }

    public var description: String { "\(plugin)/\(phase)" }
    public static func < (left: Self, right: Self) -> Bool {
        left.plugin == right.plugin ? left.phase < right.phase : left.plugin < right.plugin
    }
}

/// One execution of a plan, named after its start and the process that runs it: `20261121-073012-4711`.
/// The text sorts by time and is safe as the name of a directory and of a control group.
public struct RunID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: String

    public init(start: Timestamp, processID: Int32) {
        let digits = start.rfc3339.utf8.filter { (0x30...0x39).contains($0) }
        let text = String(decoding: digits, as: UTF8.self)
        rawValue = "\(text.prefix(8))-\(text.dropFirst(8).prefix(6))-\(processID)"
    }

    /// The identifier that `text` is, or `nil` where it has another form (a foreign directory, say).
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 8, parts[1].utf8.count == 6,
            (1...10).contains(parts[2].utf8.count),
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        rawValue = String(text)
    }

    /// The process that ran it; `nil` where the number is none that a process can have.
    public var processID: Int32? {
        rawValue.split(separator: "-").last.flatMap { Int32($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
