// The part of its CPU time and disk bandwidth that a run keeps while it steps back.

import Policy
import UpdateModel

/// What leaves a run `share` of the CPU time and disk bandwidth that `limits` give it; at 1 what they give.
///
/// A disk without a cap keeps it so: of how much there would be a share is not known.
public func controlWrites(leaving share: Fraction, of limits: Limits, on facts: MachineFacts) -> [ControlWrite] {
    func part(_ rate: Int64) -> Int64 { max(1, Int64(Double(rate) * share.value)) }
    let isUnlimited = limits.cpuQuota == nil && share == Fraction(1)
    let quota = Fraction((limits.cpuQuota?.value ?? Double(facts.cpus)) * share.value)
    let less = Limits(
        cpuQuota: isUnlimited ? nil : quota,
        io: limits.io.map { cap in
            IOCap(
                path: cap.path, readBandwidthMax: cap.readBandwidthMax.map { ByteCount(part($0.bytes)) },
                writeBandwidthMax: cap.writeBandwidthMax.map { ByteCount(part($0.bytes)) },
                readIOPSMax: cap.readIOPSMax.map(part), writeIOPSMax: cap.writeIOPSMax.map(part))
        })
    let writes = controlWrites(for: less, of: .run, on: facts).writes
    let hasQuota = facts.controllers.contains(.cpu) && !facts.missingControlFiles.contains("cpu.max")
    return isUnlimited && hasQuota ? [ControlWrite(file: "cpu.max", value: "max")] + writes : writes
}
