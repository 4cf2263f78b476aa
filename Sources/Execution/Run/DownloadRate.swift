// What becomes of the policy's download rate in a plan: how it is shared out, and where nobody keeps to it.

import Policy
import Scheduling
import UpdateModel

extension RunSettings {
    /// Units of the download pool that can be held at a time by as many steps as run at a time.
    func concurrentDownloads(on machine: MachineFacts) -> Int { max(1, min(downloads, parallel ?? machine.cpus)) }

    /// What a step is told that takes no part in the pool: as if as many others as can be were under way.
    func downloadRateHint(on machine: MachineFacts) -> ByteCount? {
        downloadRate.map { ByteCount(max(1, $0.bytes / Int64(concurrentDownloads(on: machine)))) }
    }

    /// Shares the rate out among the steps of the pool as they come and go.
    func downloadShares(among demands: [StepID: Int], on machine: MachineFacts) -> DownloadShares {
        DownloadShares(rate: downloadRate, units: concurrentDownloads(on: machine), demands: demands)
    }

    /// What of the rate is not kept here.
    /// - Parameter plugins: those that may download, each with whether its manifest says that it keeps to the rate.
    func downloadDeviations(
        of plugins: [(name: PluginName, keepsRate: Bool)], on machine: MachineFacts
    ) -> [LimitDeviation] {
        guard let rate = downloadRate else {
            return enforcesDownloadRate ? [Self.enforcement(refused: "the policy has no download_rate")] : []
        }
        if enforcesDownloadRate, machine.downloadLimitRefusal == nil { return [] }
        var deviations: [LimitDeviation] = []
        if enforcesDownloadRate, let refusal = machine.downloadLimitRefusal {
            deviations.append(Self.enforcement(refused: refusal))
        }
        let others = Set(plugins.filter { !$0.keepsRate }.map(\.name)).sorted().map(\.rawValue)
        if !others.isEmpty {
            let verb = others.count == 1 ? "does" : "do"
            deviations.append(
                LimitDeviation(
                    control: "run.download_rate", requested: PolicyValue.memory(.bytes(rate)).text, effective: nil,
                    reason: "\(others.joined(separator: ", ")) \(verb) not say that what is downloaded keeps to it"))
        }
        return deviations
    }

    static func enforcement(refused reason: String) -> LimitDeviation {
        LimitDeviation(control: "run.download_enforce", requested: "true", effective: nil, reason: reason)
    }
}
