// Layers of texts become one policy; a value of a stronger layer replaces that of a weaker one, key by key.

import TomlDocument
import UpdateModel

/// The texts that make up a policy.
public struct PolicyTexts: Sendable {
    /// The shipped default, or what `--policy` names; `nil`: the built-in policy alone.
    public var base: PolicyText?
    /// The files of `/etc`, the strongest last.
    public var etc: [PolicyText]
    public var user: PolicyText?
    /// Names that `extends` may use, for "did you mean".
    public var shippedNames: [String]

    public init(
        base: PolicyText? = nil, etc: [PolicyText] = [], user: PolicyText? = nil, shippedNames: [String] = []
    ) {
        self.base = base
        self.etc = etc
        self.user = user
        self.shippedNames = shippedNames
    }
}

/// A chain of `extends` has at most so many files.
public let maximumExtendsDepth = 16

/// Merges the layers of a policy: built-in < base < `/etc` < the user's. What a file extends is just below that file, in its
/// layer.
/// - Parameters:
///   - texts: The layers.
///   - extended: Finds what a file extends: by the name of a shipped policy, or by a path relative to the
///     second argument, the file that says so. `nil` where there is none that can be read.
/// - Throws: All that is wrong with any of the texts, sorted by file and position.
public func mergePolicy(
    _ texts: PolicyTexts, extended: @escaping (_ name: String, _ relativeTo: String) -> PolicyText?
) throws(Diagnostics) -> MergedPolicy {
    try mergePolicy(texts, and: [], extended: extended)
}

/// - Parameter further: What comes after all files, the strongest last.
package func mergePolicy(
    _ texts: PolicyTexts, and further: [PolicyDecoder],
    extended: @escaping (_ name: String, _ relativeTo: String) -> PolicyText?
) throws(Diagnostics) -> MergedPolicy {
    var merger = PolicyMerger(shippedNames: texts.shippedNames, extended: extended)
    merger.add(.builtIn, layer: .builtIn)
    if let base = texts.base { merger.add(base, layer: .base) }
    for text in texts.etc { merger.add(text, layer: .etc) }
    if let user = texts.user { merger.add(user, layer: .user) }
    return try merger.merged(with: further, name: texts.base?.name ?? PolicyText.builtIn.name)
}

extension MergedPolicy {
    /// The policy with what comes after all that it was merged from, the strongest last.
    package func merged(with further: [PolicyDecoder]) throws(Diagnostics) -> MergedPolicy {
        func bySlot(_ settings: [(slot: PolicySlot, setting: PolicySetting)]) -> [PolicySlot: PolicySetting] {
            Dictionary(uniqueKeysWithValues: settings.map { ($0.slot, $0.setting) })
        }
        var merger = PolicyMerger(
            shippedNames: [], extended: { _, _ in nil }, settings: bySlot(settings), ceiling: bySlot(ceilingSettings),
            sources: sources)
        return try merger.merged(with: further, name: name)
    }
}

private struct PolicyMerger {
    let shippedNames: [String]
    let extended: (_ name: String, _ relativeTo: String) -> PolicyText?
    var settings: [PolicySlot: PolicySetting] = [:]
    /// What the files of `/etc` say, whoever comes later.
    var ceiling: [PolicySlot: PolicySetting] = [:]
    var sources: [PolicySource] = []
    var diagnostics: [Diagnostic] = []

    /// Adds a file, after what it extends.
    mutating func add(_ text: PolicyText, layer: PolicyLayer) {
        var chain: [PolicyDecoder] = []
        var next: PolicyText? = text
        while let text = next {
            var decoder = PolicyDecoder(layer: layer, file: text.file)
            decoder.decode(text.bytes)
            chain.append(decoder)
            next = extendedText(of: decoder, chain: chain.map(\.file))
        }
        for decoder in chain.reversed() {
            sources.append(PolicySource(layer: layer, file: decoder.file))
            take(decoder)
        }
    }

    mutating func merged(with further: [PolicyDecoder], name: String) throws(Diagnostics) -> MergedPolicy {
        for decoder in further { take(decoder) }
        checkPairs()
        guard diagnostics.isEmpty else { throw Diagnostics(diagnostics) }
        return MergedPolicy(name: name, settings: settings, ceiling: ceiling, sources: sources)
    }

    private mutating func take(_ decoder: PolicyDecoder) {
        diagnostics += decoder.diagnostics
        let new = decoder.settings.filter { $0.key.key != .extends }
        settings.merge(new) { _, stronger in stronger }
        if decoder.layer == .etc { ceiling.merge(new) { _, stronger in stronger } }
    }

    private mutating func extendedText(of decoder: PolicyDecoder, chain: [String]) -> PolicyText? {
        guard let setting = decoder.settings[PolicySlot(table: .document, key: .extends)],
            case .text(let name) = setting.value
        else { return nil }
        func fail(_ message: String) -> PolicyText? {
            diagnostics.append(Diagnostic(file: decoder.file, position: setting.position, message: message))
            return nil
        }
        guard let text = extended(name, decoder.file) else {
            return fail("\"extends\": cannot read a policy \"\(name)\"\(didYouMean(name, in: shippedNames))")
        }
        if chain.contains(text.file) {
            return fail("\"extends\" makes a cycle: \((chain + [text.file]).joined(separator: " → "))")
        }
        guard chain.count < maximumExtendsDepth else {
            return fail("\"extends\" makes a chain of more than \(maximumExtendsDepth) policies")
        }
        return text
    }

    /// A `memory_high` above the `memory_max` of the same table can never be reached. Of a size and a share the lower one
    /// simply acts first.
    private mutating func checkPairs() {
        for (slot, high) in settings where slot.key == .memoryHigh {
            guard let maximum = settings[PolicySlot(table: slot.table, key: .memoryMax)],
                case .memory(let highAmount) = high.value, case .memory(let maximumAmount) = maximum.value,
                highAmount.isAbove(maximumAmount)
            else { continue }
            // Whoever came last made the contradiction.
            let isHighLast = high.origin.layer >= maximum.origin.layer
            let (blamed, other) = isHighLast ? (high, maximum) : (maximum, high)
            let (name, relation) = isHighLast ? ("memory_high", "above") : ("memory_max", "below")
            let otherName = isHighLast ? "memory_max" : "memory_high"
            let message =
                "\"\(name)\"\(slot.table.place) is \(blamed.value.text), \(relation) "
                + "\"\(otherName)\", which is \(other.value.text) (\(other.origin))"
            diagnostics.append(Diagnostic(file: blamed.origin.file, position: blamed.position, message: message))
        }
    }
}
