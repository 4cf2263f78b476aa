// Which value of a policy holds for a run or a step: that of the strongest table that has one, cut to the ceiling.

import UpdateModel

/// A value with the place that asked for it, and what the ceiling made of it.
package struct ResolvedSetting {
    package let slot: PolicySlot
    /// As it was asked for.
    package let setting: PolicySetting
    /// As it is in force.
    package let value: PolicyValue
    /// What cut it; `nil`: it is in force as asked.
    package let ceiling: PolicySetting?

    /// What is told where it was cut.
    package var cut: LimitDeviation? {
        ceiling.map { ceiling in
            LimitDeviation(
                control: slot.description, requested: setting.value.text, effective: value.text,
                reason: ceiling.origin.asCeiling)
        }
    }
}

extension PolicyOrigin {
    /// Why a value is not in force as asked.
    package var asCeiling: String { "the ceiling of \(self)" }
}

/// The tables that have a say of a run or a step, looked up once for all their keys.
package struct PolicyView {
    typealias Table = (name: PolicyTable, settings: [PolicyKey: PolicySetting])

    /// The strongest first.
    let tables: [Table]
    /// Of the administrator's files alone, in the same order.
    let ceiling: [Table]
    package let facts: MachineFacts

    package func resolve(_ key: PolicyKey) -> ResolvedSetting? {
        guard let (slot, setting) = Self.first(key, in: tables) else { return nil }
        let value = cut(setting.value, of: key)
        return ResolvedSetting(
            slot: slot, setting: setting, value: value,
            ceiling: value == setting.value ? nil : Self.first(key, in: ceiling)?.setting)
    }

    /// What the ceiling leaves of a value, wherever that comes from.
    func cut(_ value: PolicyValue, of key: PolicyKey) -> PolicyValue {
        guard let limit = Self.first(key, in: ceiling)?.setting.value else { return value }
        return key.cut(value, to: limit, on: facts)
    }

    /// What the ceiling leaves of a value that an option asks for in place of the policy's.
    func cut(_ value: PolicyValue, of key: PolicyKey, option: String) -> (value: PolicyValue, cut: LimitDeviation?) {
        let left = cut(value, of: key)
        guard left != value, let origin = Self.first(key, in: ceiling)?.setting.origin else { return (value, nil) }
        let cut = LimitDeviation(
            control: option, requested: value.text, effective: left.text, reason: origin.asCeiling)
        return (left, cut)
    }

    /// Of all that was asked for what the ceiling has cut.
    var cuts: [LimitDeviation] {
        guard !ceiling.isEmpty else { return [] }
        return PolicyKey.allCases.compactMap { resolve($0)?.cut }
    }

    private static func first(
        _ key: PolicyKey, in tables: [Table]
    ) -> (slot: PolicySlot, setting: PolicySetting)? {
        for table in tables {
            if let setting = table.settings[key] { return (PolicySlot(table: table.name, key: key), setting) }
        }
        return nil
    }

    // MARK: Values by their type

    func value(_ key: PolicyKey) -> PolicyValue? { resolve(key)?.value }

    func text(_ key: PolicyKey) -> String? { if case .text(let text) = value(key) { text } else { nil } }

    func texts(_ key: PolicyKey) -> [String]? { if case .texts(let texts) = value(key) { texts } else { nil } }

    func flag(_ key: PolicyKey) -> Bool? { if case .boolean(let flag) = value(key) { flag } else { nil } }

    func integer(_ key: PolicyKey) -> Int64? { if case .integer(let number) = value(key) { number } else { nil } }

    func duration(_ key: PolicyKey) -> Duration? {
        if case .duration(let duration) = value(key) { duration } else { nil }
    }

    func share(_ key: PolicyKey) -> Fraction? { if case .share(let share) = value(key) { share } else { nil } }

    package func bytes(_ key: PolicyKey) -> ByteCount? {
        if case .memory(let amount) = value(key) { amount.bytes(on: facts) } else { nil }
    }

    func word<Word: RawRepresentable<String>>(_ key: PolicyKey) -> Word? { text(key).flatMap { Word(rawValue: $0) } }
}
