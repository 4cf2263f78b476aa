// The forms that single values have in an event: what is read from JSON, and what it is called where it is not that.

import JSONDocument
import RunModel
import UpdateModel

/// How a `Value` is written as a string, a number or a truth value.
struct Form<Value> {
    /// With its article, for an error message: `a whole number`.
    let name: String
    /// Whether a newer program may write strings here that this one does not know.
    let isOpen: Bool
    /// `nil` where the value has another form.
    let read: (JSONValue) -> Value?

    init(_ name: String, isOpen: Bool = false, read: @escaping (JSONValue) -> Value?) {
        self.name = name
        self.isOpen = isOpen
        self.read = read
    }

    /// A form for what a string says.
    init(_ name: String, isOpen: Bool = false, text read: @escaping (String) -> Value?) {
        self.init(name, isOpen: isOpen) { $0.stringValue.flatMap(read) }
    }
}

extension Form<String> {
    static var string: Self { Form("a string") { $0.stringValue } }
}

extension Form<Bool> {
    static var bool: Self { Form("true or false") { $0.boolValue } }
}

extension Form<Double> {
    static var double: Self { Form("a number") { $0.doubleValue } }
}

extension Form where Value: FixedWidthInteger {
    static var integer: Self {
        Form("a whole number from \(Value.min) to \(Value.max)") { $0.integerValue.flatMap(Value.init(exactly:)) }
    }

    /// How many there are, or which one it is.
    static var count: Self {
        Form("a whole number from 0 on") { $0.integerValue.flatMap { $0 < 0 ? nil : Value(exactly: $0) } }
    }
}

extension Form<[UInt8]> {
    /// The bytes of a string, whose number an `Int32` holds.
    static var outputLine: Self {
        Form("a string of less than 2 GiB", text: { $0.utf8.count <= Int32.max ? Array($0.utf8) : nil })
    }
}

extension Form<ByteCount> {
    static var bytes: Self { Form("a number of bytes") { $0.integerValue.map(ByteCount.init) } }
}

extension Form<Duration> {
    /// Seconds, to the microsecond.
    static var seconds: Self {
        Form("a duration in seconds") { value in
            value.doubleValue.flatMap { Int64(exactly: ($0 * 1e6).rounded()) }.map { .microseconds($0) }
        }
    }
}

extension Form<Timestamp> {
    static var timestamp: Self {
        Form("a time such as 2026-11-21T07:30:12.345Z", text: Timestamp.init(rfc3339:))
    }
}

extension Form<PluginName> {
    static var plugin: Self { Form("a plugin's name", text: { PluginName($0) }) }
}

extension Form<RunID> {
    static var run: Self { Form("a run such as 20261121-073012-4711", text: { RunID($0) }) }
}

extension Form<StepID> {
    static var step: Self {
        Form("a step such as apt/execute") { (text: String) in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let plugin = PluginName(parts[0]) else { return nil }
            return Phase(rawValue: String(parts[1])).map { StepID(plugin, $0) }
        }
    }
}

extension Form<WaitReason> {
    static var waitReason: Self { Form("what is waited for", isOpen: true, text: WaitReason.init(text:)) }
}

extension Form where Value: RawRepresentable<String> {
    /// One of the words that an enumeration has.
    static var word: Self { Form("a word", isOpen: true, text: Value.init(rawValue:)) }
}
