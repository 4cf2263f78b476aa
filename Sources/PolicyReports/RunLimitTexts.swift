// The limits of a run in the words of a plan's first line.

import Policy
import UpdateModel

extension RunSettings {
    /// `memory ≤ 4.0 GiB`, `CPU idle-class`, `3 steps at a time`, `2 downloads at 20 MiB/s together`; only what is limited.
    public var limitTexts: [String] {
        var texts: [String] = []
        if let maximum = limits.memoryMax {
            texts.append("memory ≤ \(maximum)")
        } else if let high = limits.memoryHigh {
            texts.append("memory held to \(high)")
        }
        if limits.cpuWeight == .idle { texts.append("CPU idle-class") }
        if let quota = limits.cpuQuota { texts.append("CPU ≤ \(quota.percentText) of one") }
        if let parallel { texts.append(parallel == 1 ? "1 step at a time" : "\(parallel) steps at a time") }
        let rate = downloadRate.map { " at \($0)/s together" } ?? ""
        texts.append((downloads == 1 ? "1 download" : "\(downloads) downloads") + rate)
        return texts
    }
}
