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
}

/// The tables that have a say of a run or a step, looked up once for all their keys.
package struct PolicyView {
    package typealias Table = (name: PolicyTable, settings: [PolicyKey: PolicySetting])

    /// The strongest first.
    package let tables: [Table]
    /// Of the administrator's files alone, in the same order.
    package let ceiling: [Table]
    package let facts: MachineFacts

    package func resolve(_ key: PolicyKey) -> ResolvedSetting? {
        guard let (slot, setting) = Self.first(key, in: tables) else { return nil }
        let value = cut(setting.value, of: key)
        return ResolvedSetting(
            slot: slot, setting: setting, value: value,
            ceiling: value == setting.value ? nil : limit(of: key))
    }

    /// What the ceiling leaves of a value, wherever that comes from.
    package func cut(_ value: PolicyValue, of key: PolicyKey) -> PolicyValue {
        guard let limit = limit(of: key)?.value else { return value }
        return key.cut(value, to: limit, on: facts)
    }

    /// The administrator's own value, which is the most that anybody else may have.
    package func limit(of key: PolicyKey) -> PolicySetting? { Self.first(key, in: ceiling)?.setting }

    private static func first(
        _ key: PolicyKey, in tables: [Table]
    ) -> (slot: PolicySlot, setting: PolicySetting)? {
        for table in tables {
            if let setting = table.settings[key] { return (PolicySlot(table: table.name, key: key), setting) }
        }
        return nil
    }

    // MARK: Values by their type

    package func value(_ key: PolicyKey) -> PolicyValue? { resolve(key)?.value }

    package func text(_ key: PolicyKey) -> String? { if case .text(let text) = value(key) { text } else { nil } }

    package func texts(_ key: PolicyKey) -> [String]? { if case .texts(let texts) = value(key) { texts } else { nil } }

    package func flag(_ key: PolicyKey) -> Bool? { if case .boolean(let flag) = value(key) { flag } else { nil } }

    package func integer(_ key: PolicyKey) -> Int64? {
        if case .integer(let number) = value(key) { number } else { nil }
    }

    package func duration(_ key: PolicyKey) -> Duration? {
        if case .duration(let duration) = value(key) { duration } else { nil }
    }

    package func share(_ key: PolicyKey) -> Fraction? { if case .share(let share) = value(key) { share } else { nil } }

    package func bytes(_ key: PolicyKey) -> ByteCount? {
        if case .memory(let amount) = value(key) { amount.bytes(on: facts) } else { nil }
    }

    package func word<Word: RawRepresentable<String>>(_ key: PolicyKey) -> Word? {
        text(key).flatMap { Word(rawValue: $0) }
    }
}
