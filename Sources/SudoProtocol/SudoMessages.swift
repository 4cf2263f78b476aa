// What a step's sudo and update-all say to each other: packets of a version, a kind, and texts that end with a zero byte.

/// What a step's sudo asks. It is believed in nothing but that it comes from the step.
public enum SudoRequest: Equatable, Sendable {
    /// Runs a program as root; the first request, and only that. Descriptors: standard input, output and errors, and the
    /// working directory.
    case run(program: String, arguments: [String])
    /// Whether there is somebody who runs commands; in place of `run`.
    case validate
    /// A signal for the command.
    case signal(Int32)

    /// No request is longer: program and arguments with what separates them. Bytes.
    public static let maximumSize = 65_536
    /// With the program.
    public static let maximumStrings = 1024
    /// Signals that are passed on are those of signal(7) before the realtime ones.
    public static let signals: ClosedRange<Int32> = 1...31

    /// How many descriptors come with the request.
    public var descriptorCount: Int { if case .run = self { 4 } else { 0 } }
}

/// What update-all answers.
public enum SudoReply: Equatable, Sendable {
    /// There is a process, whose pidfd comes with it; or, asked with `validate`: there would be.
    case accepted
    /// Why not, as a sentence without a full stop that says what to do. The last one.
    case refused(String)
    /// The command has ended: an exit code, or the number of a signal. The last one.
    case ended(status: Int32, isSignal: Bool)

    /// No reply is longer. Bytes.
    public static let maximumSize = 4096
}

/// The first byte of each packet.
private let version: UInt8 = 1

extension SudoRequest {
    /// As bytes; `nil` where it is longer than it may be, or a text has a zero byte in it.
    public var encoded: [UInt8]? {
        switch self {
        case .run(let program, let arguments):
            guard arguments.count < Self.maximumStrings, let texts = join([program] + arguments) else { return nil }
            return texts.count + 2 <= Self.maximumSize ? [version, 0] + texts : nil
        case .validate: return [version, 1]
        case .signal(let number): return Self.signals.contains(number) ? [version, 2, UInt8(number)] : nil
        }
    }

    /// The request that `bytes` are; `nil` where they are none.
    public init?(bytes: [UInt8]) {
        guard bytes.count >= 2, bytes.count <= Self.maximumSize, bytes[0] == version else { return nil }
        let content = bytes.dropFirst(2)
        switch bytes[1] {
        case 0:
            guard let texts = split(content), let program = texts.first, texts.count <= Self.maximumStrings else {
                return nil
            }
            self = .run(program: program, arguments: Array(texts.dropFirst()))
        case 1 where content.isEmpty: self = .validate
        case 2:
            guard content.count == 1, let number = content.first.map({ Int32($0) }), Self.signals.contains(number)
            else { return nil }
            self = .signal(number)
        default: return nil
        }
    }
}

extension SudoReply {
    /// As bytes; a text that is too long is cut.
    public var encoded: [UInt8] {
        switch self {
        case .accepted: return [version, 0]
        case .refused(let reason):
            let text = reason.utf8.filter { $0 != 0 }.prefix(Self.maximumSize - 3)
            // What is cut in the middle of a character is mended where it is read.
            return [version, 1] + text + [0]
        case .ended(let status, let isSignal): return [version, isSignal ? 3 : 2, UInt8(truncatingIfNeeded: status)]
        }
    }

    /// The reply that `bytes` are; `nil` where they are none.
    public init?(bytes: [UInt8]) {
        guard bytes.count >= 2, bytes.count <= Self.maximumSize, bytes[0] == version else { return nil }
        let content = bytes.dropFirst(2)
        switch bytes[1] {
        case 0 where content.isEmpty: self = .accepted
        case 1 where content.firstIndex(of: 0) == bytes.count - 1:
            self = .refused(String(decoding: content.dropLast(), as: UTF8.self))
        case 2 where content.count == 1, 3 where content.count == 1:
            self = .ended(status: Int32(content[2]), isSignal: bytes[1] == 3)
        default: return nil
        }
    }
}

private func join(_ texts: [String]) -> [UInt8]? {
    if texts.contains(where: { $0.utf8.contains(0) }) { return nil }
    return texts.flatMap { Array($0.utf8) + [0] }
}

/// Each text with a zero byte behind it; `nil` where one is missing, or a text is not UTF-8.
private func split(_ bytes: ArraySlice<UInt8>) -> [String]? {
    guard bytes.last == 0 else { return nil }
    var texts: [String] = []
    for text in bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false) {
        guard let text = String(validating: text, as: UTF8.self) else { return nil }
        texts.append(text)
    }
    return texts
}
