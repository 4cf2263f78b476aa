// Messages as bytes: the version, the kind, then the fields in order. Numbers are little-endian; texts and byte strings
// carry their length as 16 bits before them; what may be missing has a 0 or 1 before it.

import UpdateModel

extension GuardianMessage {
    /// The first byte of every message. A guardian of another build is refused by it.
    public static let version: UInt8 = 1

    private enum Kind: UInt8 {
        case begin = 1, protect, unprotect, track, untrack, terminal, finish, keepOpen
    }

    /// The message as bytes, or `nil` where one of its fields is longer than it may be.
    public func encoded() -> [UInt8]? {
        var out = Writer()
        switch self {
        case .begin(let run):
            out.put(.begin)
            out.put(text: run.id.rawValue)
            out.put(optionalPath: run.stepsGroup)
            out.put(optionalPath: run.runGroup)
            out.put(path: run.stateDirectory)
        case .protect(let step, let outputs, let hasProcess):
            guard (0...Self.maximumOutputs).contains(outputs) else { return nil }
            out.put(.protect)
            out.put(text: step.description)
            out.put(byte: UInt8(outputs))
            out.put(flag: hasProcess)
        case .unprotect(let step):
            out.put(.unprotect)
            out.put(text: step.description)
        case .track(let step, let session, let temporaryDirectory):
            out.put(.track)
            out.put(text: step.description)
            out.put(flag: session != nil)
            if let session { out.put(session) }
            out.put(path: temporaryDirectory)
        case .untrack(let step):
            out.put(.untrack)
            out.put(text: step.description)
        case .terminal(let state):
            out.put(.terminal)
            out.put(flag: state != nil)
            guard let state else { break }
            out.put(state.attributes, atMost: Self.maximumTerminalSize)
            out.put(state.escapes, atMost: Self.maximumTerminalSize)
            out.put(state.sessionLeader)
            out.put(state.foregroundGroup)
        case .keepOpen:
            out.put(.keepOpen)
        case .finish:
            out.put(.finish)
        }
        return out.isWithinLimits ? out.bytes : nil
    }

    /// The message that `bytes` are, or `nil` where they are none: of another version, cut, too long, or with a field
    /// that cannot be.
    public init?(bytes: [UInt8]) {
        guard bytes.count <= Self.maximumSize else { return nil }
        var input = Reader(bytes: bytes[...])
        guard input.byte() == Self.version, let kind = input.byte().flatMap(Kind.init),
            let message = Self.read(kind, from: &input), input.isAtEnd
        else { return nil }
        self = message
    }

    private static func read(_ kind: Kind, from input: inout Reader) -> Self? {
        switch kind {
        case .begin:
            guard let id = input.text().flatMap({ RunID($0) }), let stepsGroup = input.optionalPath(),
                let runGroup = input.optionalPath(), let stateDirectory = input.path()
            else { return nil }
            return .begin(Run(id: id, stepsGroup: stepsGroup, runGroup: runGroup, stateDirectory: stateDirectory))
        case .protect:
            guard let step = input.step(), let outputs = input.byte(), outputs <= maximumOutputs,
                let hasProcess = input.flag()
            else { return nil }
            return .protect(step, outputs: Int(outputs), hasProcess: hasProcess)
        case .unprotect: return input.step().map { .unprotect($0) }
        case .track:
            guard let step = input.step(), let hasSession = input.flag() else { return nil }
            let session = hasSession ? input.number() : nil
            // Session 0 is the kernel's own threads', 1 that of init: never a step's.
            guard !hasSession || session ?? 0 > 1, let directory = input.path() else { return nil }
            return .track(step, session: session, temporaryDirectory: directory)
        case .untrack: return input.step().map { .untrack($0) }
        case .terminal:
            guard let isActive = input.flag() else { return nil }
            if !isActive { return .terminal(nil) }
            guard let attributes = input.byteString(atMost: maximumTerminalSize),
                let escapes = input.byteString(atMost: maximumTerminalSize),
                let sessionLeader = input.number(), let foregroundGroup = input.number()
            else { return nil }
            return .terminal(
                TerminalState(
                    attributes: attributes, escapes: escapes, sessionLeader: sessionLeader,
                    foregroundGroup: foregroundGroup))
        case .keepOpen: return .keepOpen
        case .finish: return .finish
        }
    }

    private struct Writer {
        private(set) var bytes: [UInt8] = [version]
        private(set) var isWithinLimits = true

        mutating func put(_ kind: Kind) { bytes.append(kind.rawValue) }
        mutating func put(byte: UInt8) { bytes.append(byte) }
        mutating func put(flag: Bool) { bytes.append(flag ? 1 : 0) }

        mutating func put(_ number: Int32) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func put(_ content: some Collection<UInt8>, atMost limit: Int) {
            guard content.count <= limit else { return isWithinLimits = false }
            bytes.append(UInt8(content.count & 0xFF))
            bytes.append(UInt8(content.count >> 8))
            bytes.append(contentsOf: content)
        }

        mutating func put(text: String) { put(text.utf8, atMost: 255) }

        mutating func put(path: String) {
            guard path.utf8.first == 0x2F, !path.utf8.contains(0) else { return isWithinLimits = false }
            put(path.utf8, atMost: maximumPathSize)
        }

        mutating func put(optionalPath path: String?) {
            put(flag: path != nil)
            if let path { put(path: path) }
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        var isAtEnd: Bool { bytes.isEmpty }

        mutating func byte() -> UInt8? { bytes.popFirst() }

        mutating func flag() -> Bool? {
            guard let byte = byte(), byte <= 1 else { return nil }
            return byte == 1
        }

        mutating func number() -> Int32? {
            guard bytes.count >= 4 else { return nil }
            var value: UInt32 = 0
            for shift in stride(from: UInt32(0), to: 32, by: 8) { value |= UInt32(bytes.removeFirst()) << shift }
            return Int32(bitPattern: value)
        }

        mutating func byteString(atMost limit: Int) -> [UInt8]? {
            guard let low = byte(), let high = byte() else { return nil }
            let count = Int(high) << 8 | Int(low)
            guard count <= limit, count <= bytes.count else { return nil }
            defer { bytes.removeFirst(count) }
            return Array(bytes.prefix(count))
        }

        mutating func text(atMost limit: Int = 255) -> String? {
            byteString(atMost: limit).flatMap { String(validating: $0, as: UTF8.self) }
        }

        mutating func step() -> StepID? { text().flatMap { StepID(text: $0) } }

        mutating func path() -> String? {
            guard let path = text(atMost: maximumPathSize), path.utf8.first == 0x2F, !path.utf8.contains(0)
            else { return nil }
            return path
        }

        /// `nil`: cannot be read; `.some(nil)`: there is none.
        mutating func optionalPath() -> String?? {
            guard let isThere = flag() else { return nil }
            if !isThere { return .some(nil) }
            return path().map { .some($0) } ?? nil
        }
    }
}
