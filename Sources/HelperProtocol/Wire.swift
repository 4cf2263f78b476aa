// Fields as bytes. Numbers are little-endian; texts carry their length as 16 bits before them, lists the number of their
// elements; what may be missing has a 0 or 1 before it. A reader takes nothing that a writer would not have written.

import UpdateModel

/// Something that is written as a sequence of fields.
protocol WireField {
    func write(to wire: inout WireWriter)
    /// `nil` where what comes next is none.
    init?(from wire: inout WireReader)
}

struct WireWriter {
    private(set) var bytes: [UInt8]
    /// Whether no field was longer than it may be.
    private(set) var isWithinLimits = true

    init(version: UInt8, kind: UInt8) { bytes = [version, kind] }

    mutating func put(byte: UInt8) { bytes.append(byte) }

    mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ text: String, atMost limit: Int) {
        let utf8 = text.utf8
        guard utf8.count <= limit, utf8.count <= UInt16.max, !utf8.contains(0) else { return isWithinLimits = false }
        put(UInt16(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    mutating func put(path: String) {
        guard path.utf8.first == 0x2F else { return isWithinLimits = false }
        put(path, atMost: HelperRequest.maximumPathSize)
    }

    mutating func put(_ texts: [String], count: Int, atMost limit: Int) {
        guard texts.count <= count else { return isWithinLimits = false }
        put(UInt16(texts.count))
        for text in texts { put(text, atMost: limit) }
    }

    mutating func put<Field: WireField>(_ fields: [Field], count: Int) {
        guard fields.count <= count else { return isWithinLimits = false }
        put(UInt16(fields.count))
        for field in fields { field.write(to: &self) }
    }

    mutating func put(_ field: some WireField) { field.write(to: &self) }

    mutating func put<Value>(_ value: Value?, _ write: (inout WireWriter, Value) -> Void) {
        put(value != nil)
        if let value { write(&self, value) }
    }

    /// A field that cannot be: nothing is sent.
    mutating func refuse() { isWithinLimits = false }
}

struct WireReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var isAtEnd: Bool { bytes.isEmpty }

    mutating func byte() -> UInt8? { bytes.popFirst() }

    mutating func flag() -> Bool? {
        guard let byte = byte(), byte <= 1 else { return nil }
        return byte == 1
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard bytes.count >= size else { return nil }
        defer { bytes.removeFirst(size) }
        return bytes.prefix(size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func text(atMost limit: Int) -> String? {
        guard let count = number(UInt16.self).map({ Int($0) }), count <= limit, count <= bytes.count else { return nil }
        defer { bytes.removeFirst(count) }
        let content = bytes.prefix(count)
        return content.contains(0) ? nil : String(validating: content, as: UTF8.self)
    }

    mutating func path() -> String? {
        guard let path = text(atMost: HelperRequest.maximumPathSize), path.utf8.first == 0x2F else { return nil }
        return path
    }

    mutating func texts(count: Int, atMost limit: Int) -> [String]? {
        list(count: count) { $0.text(atMost: limit) }
    }

    mutating func list<Element>(count: Int, _ read: (inout WireReader) -> Element?) -> [Element]? {
        guard let found = number(UInt16.self), found <= count else { return nil }
        var elements: [Element] = []
        for _ in 0..<found {
            guard let element = read(&self) else { return nil }
            elements.append(element)
        }
        return elements
    }

    mutating func fields<Field: WireField>(count: Int) -> [Field]? { list(count: count) { Field(from: &$0) } }

    /// `nil`: cannot be read; `.some(nil)`: there is none.
    mutating func optional<Value>(_ read: (inout WireReader) -> Value?) -> Value?? {
        guard let isThere = flag() else { return nil }
        if !isThere { return .some(nil) }
        return read(&self).map { .some($0) } ?? nil
    }
}

extension StepGroup: WireField {
    func write(to wire: inout WireWriter) {
        guard attempt >= 1 else { return wire.refuse() }
        wire.put(step.plugin.rawValue, atMost: 64)
        wire.put(byte: UInt8(Phase.allCases.firstIndex(of: step.phase) ?? 0))
        wire.put(attempt)
        wire.put(isProtected)
    }

    init?(from wire: inout WireReader) {
        guard let plugin = wire.text(atMost: 64).flatMap({ PluginName($0) }), let phase = wire.byte(),
            phase < Phase.allCases.count, let attempt = wire.number(Int32.self), attempt >= 1,
            let isProtected = wire.flag()
        else { return nil }
        self.init(StepID(plugin, Phase.allCases[Int(phase)]), attempt: attempt, isProtected: isProtected)
    }
}

extension GroupPlace: WireField {
    func write(to wire: inout WireWriter) {
        switch self {
        case .run: wire.put(byte: 0)
        case .steps: wire.put(byte: 1)
        case .protected: wire.put(byte: 2)
        case .step(let group):
            wire.put(byte: 3)
            wire.put(group)
        }
    }

    init?(from wire: inout WireReader) {
        switch wire.byte() {
        case 0: self = .run
        case 1: self = .steps
        case 2: self = .protected
        case 3:
            guard let group = StepGroup(from: &wire) else { return nil }
            self = .step(group)
        default: return nil
        }
    }
}

extension ControlWrite: WireField {
    /// The control files that limits are written to. No other can be named.
    static let files = [
        "cpu.idle", "cpu.max", "cpu.weight", "io.max", "io.weight", "memory.high", "memory.max", "memory.oom.group",
        "memory.swap.max", "pids.max",
    ]

    func write(to wire: inout WireWriter) {
        guard let file = Self.files.firstIndex(of: file) else { return wire.refuse() }
        wire.put(byte: UInt8(file))
        wire.put(value, atMost: 255)
    }

    init?(from wire: inout WireReader) {
        guard let file = wire.byte(), file < Self.files.count, let value = wire.text(atMost: 255) else { return nil }
        self.init(file: Self.files[Int(file)], value: value)
    }
}

extension LimitDeviation: WireField {
    func write(to wire: inout WireWriter) {
        wire.put(control, atMost: 255)
        wire.put(requested, atMost: 255)
        wire.put(effective) { $0.put($1, atMost: 255) }
        wire.put(reason, atMost: HelperReply.maximumTextSize)
    }

    init?(from wire: inout WireReader) {
        guard let control = wire.text(atMost: 255), let requested = wire.text(atMost: 255),
            let effective = wire.optional({ $0.text(atMost: 255) }),
            let reason = wire.text(atMost: HelperReply.maximumTextSize)
        else { return nil }
        self.init(control: control, requested: requested, effective: effective, reason: reason)
    }
}
