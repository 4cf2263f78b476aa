// One figure that says how others fare, beside what the policy bears.

import UpdateModel

/// What somebody else suffers.
public struct Strain: Hashable, Sendable {
    public enum Kind: Hashable, Sendable, CaseIterable {
        /// Pressure stall information.
        case cpu, memory, io
        /// Runnable threads that are not ours, for each CPU.
        case load
        /// The share of the time in which a disk was busy for others.
        case disk
    }

    /// Who: `postgresql.service`, `the machine`, `sda`.
    public var source: String
    public var kind: Kind
    /// A share of the time; of `load`, threads a CPU.
    public var value: Double
    /// From which on the run steps back; more than 0.
    public var threshold: Double

    public init(source: String, kind: Kind, value: Double, threshold: Double) {
        self.source = source
        self.kind = kind
        self.value = value
        self.threshold = threshold
    }

    /// 1 where the threshold is reached.
    var ratio: Double { value / max(threshold, .leastNonzeroMagnitude) }

    /// Why the run steps back, as a clause: `postgresql.service waits for I/O (PSI 23 %)`.
    public var clause: String {
        let percent = Fraction(value).percentText
        return switch kind {
        case .cpu: "\(source) waits for CPU (PSI \(percent))"
        case .memory: "\(source) waits for memory (PSI \(percent))"
        case .io: "\(source) waits for I/O (PSI \(percent))"
        case .load: "\(source) has a load of \(Int(value)).\(Int((value * 10).rounded(.down)) % 10) for each CPU"
        case .disk: "\(source) is busy for others (\(percent))"
        }
    }
}
