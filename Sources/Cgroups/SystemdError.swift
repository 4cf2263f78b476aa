// What can go wrong with systemd, in words that say what was attempted and what helps.

/// Something that systemd, or the bus to it, did not do.
public struct SystemdError: Error, Hashable, CustomStringConvertible {
    /// As a verb with its object: `start the scope x.scope`.
    public let attempt: String
    /// The service's own words, or the system's.
    public let reason: String
    /// What to do about it, as a clause; empty where nothing is known to help.
    public let advice: String

    public init(attempt: String, reason: String, advice: String = "") {
        self.attempt = attempt
        self.reason = reason
        self.advice = advice
    }

    public var description: String {
        "could not \(attempt): \(reason)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}
