// Lengths of time, as they are told.

import UpdateModel

extension Duration {
    /// From a number that a plugin or a file may have given: a length of time that can be shown and calculated with.
    public init(boundedSeconds seconds: Double) {
        self = .seconds(seconds.isFinite ? min(max(seconds, 0), 1e9) : 0)
    }

    /// For a sentence: `0.4 s`, `38 s`, `6 min 41 s`, `2 h 5 min`.
    public var sentence: String {
        let total = max(0, inSeconds)
        if total < 9.95 {
            let tenths = Int((total * 10).rounded())
            return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
        }
        let seconds = Int(total.rounded())
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    }

    /// For a column: `12 s`, `1m 00s`, `2h 05m`.
    public var column: String {
        let seconds = Int(max(0, inSeconds).rounded())
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60)m \(padded(seconds % 60))s" }
        return "\(seconds / 3600)h \(padded(seconds / 60 % 60))m"
    }

    /// As a clock shows it: `0:00`, `2:07`, `1:02:07`.
    public var clock: String {
        let seconds = Int(max(0, inSeconds))
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 3600 { return "\(seconds / 60):\(padded(seconds % 60))" }
        return "\(seconds / 3600):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    }
}
