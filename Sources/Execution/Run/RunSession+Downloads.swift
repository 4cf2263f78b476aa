// The kernel's limit of what a run downloads, as its policy has it.

import Policy
import UpdateModel

extension RunSession {
    /// Has the kernel hold the run to its download rate, where the policy wants that: from the first question on, and again
    /// when the policy has changed.
    /// - Returns: why it does not hold the run to the rate that the policy has now.
    @discardableResult
    func limitDownloads() -> LimitDeviation? {
        let run = configuration.policy.run(on: machine)
        guard run.enforcesDownloadRate, let rate = run.downloadRate else {
            downloadLimit?.end()
            downloadLimit = nil
            return nil
        }
        do throws(DownloadLimitRefusal) {
            if let downloadLimit {
                try downloadLimit.change(to: rate)
            } else {
                let limit = try DownloadLimit(rate, for: self.run, in: site)
                limit.onLoss(on: loop) { [unowned self] in assumeIsolated { $0.downloadLimitWasLost() } }
                downloadLimit = limit
            }
            machine.downloadLimitRefusal = nil
            return nil
        } catch {
            machine.downloadLimitRefusal = error.reason
            return RunSettings.enforcement(refused: error.reason)
        }
    }

    private func downloadLimitWasLost() {
        downloadLimit?.end()
        downloadLimit = nil
        let reason = "nft has ended, and its rules with it"
        machine.downloadLimitRefusal = reason
        bus.publish(.limit(RunSettings.enforcement(refused: reason)))
    }
}
