// Pressure stall information, as the kernel writes it (Documentation/accounting/psi.rst).

import UpdateModel

/// The line `some` of a pressure file: how much of the time at least one task had to wait for a resource.
public struct Pressure: Hashable, Sendable {
    /// Of the last ten seconds.
    public var average: Fraction
    /// Since the group was made, or the machine booted.
    public var total: Duration

    public init(average: Fraction, total: Duration) {
        self.average = average
        self.total = total
    }

    /// - Parameter content: of `/proc/pressure/RESOURCE` or a group's `RESOURCE.pressure`:
    ///   `some avg10=1.53 avg60=0.87 avg300=0.73 total=1067627`, in percent and microseconds.
    /// - Returns: `nil` where it is not of that form.
    public init?(_ content: String) {
        guard let line = content.split(separator: "\n").first(where: { $0.hasPrefix("some ") }) else { return nil }
        var fields: [Substring: Substring] = [:]
        for field in line.split(separator: " ").dropFirst() {
            let parts = field.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            fields[parts[0]] = parts[1]
        }
        guard let average = fields["avg10"].flatMap({ Double($0) }), (0...100).contains(average),
            let total = fields["total"].flatMap({ Int64($0) })
        else { return nil }
        self.init(average: Fraction(average / 100), total: .microseconds(total))
    }

    /// What is left of the machine's pressure without that of our own run: at least this much is other people's, since
    /// somebody waits at most as long as all those who wait do together.
    public func less(_ own: Pressure?) -> Fraction {
        Fraction(max(0, average.value - (own?.average.value ?? 0)))
    }
}
