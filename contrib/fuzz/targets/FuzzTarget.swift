// The decoders of what others wrote, each with what it promises for any input. The fuzzer looks for inputs that break a
// promise; the tests replay what it found.

/// A decoder under test. Raw values are the names of the targets, and of the directories of their corpora.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// What a plugin's step prints.
    case output
    /// What a plugin answers to questions.
    case answer
    /// The TOML file beside a plugin.
    case manifest
    /// The layers of a policy, to the writes to control files.
    case policy
    /// What is said over a run's socket.
    case control
    /// Events, plans, problems and the record of earlier runs.
    case json
    /// What the guardian is told, and what it notes.
    case guardian
    /// What the helper is asked, and what it answers.
    case helper
    /// What a step gives to its sudo, and what that is told.
    case sudo

    /// Decodes `input` and looks whether all promises hold. It may trap as well: that is a finding, too.
    public func check(_ input: [UInt8]) throws(BrokenPromise) {
        switch self {
        case .output: try checkOutput(input)
        case .answer: try checkAnswer(input)
        case .manifest: try checkManifest(input)
        case .policy: try checkPolicy(input)
        case .control: try checkControl(input)
        case .json: try checkJSON(input)
        case .guardian: try checkGuardian(input)
        case .helper: try checkHelper(input)
        case .sudo: try checkSudo(input)
        }
    }
}

/// A decoder did with an input what it must with none.
public struct BrokenPromise: Error, CustomStringConvertible {
    public let description: String
}

/// - Parameter claim: what is to hold; what was seen instead may follow.
func promise(_ holds: Bool, _ claim: @autoclosure () -> String) throws(BrokenPromise) {
    guard holds else { throw BrokenPromise(description: "broken promise: \(claim())") }
}

/// Writing what was read and reading that again gives the same value.
func promiseSame<Value: Equatable>(_ first: Value, _ second: Value?, _ what: String) throws(BrokenPromise) {
    guard first != second else { return }
    let again = second.map { "\($0)" } ?? "nothing"
    throw BrokenPromise(description: "broken promise: \(what) is read back as it was\nwas: \(first)\nnow: \(again)")
}

/// A message may quote a stranger's text and goes to a terminal.
func promiseHarmless(_ message: String) throws(BrokenPromise) {
    let isHarmless = message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    try promise(isHarmless, "a message has no control characters: \(message.debugDescription)")
}
