// From what plugins said to what updates there are.

import PluginProtocol
import RunModel

extension PluginCheck {
    /// - Parameter refusal: why its updates cannot be installed by whoever asks, as a clause.
    init(_ facts: PluginFacts, refusal: String?) {
        switch facts.verdict {
        case .upToDate: self.init(plugin: facts.name, state: .upToDate)
        case .notApplicable(let reason): self.init(plugin: facts.name, state: .notApplicable, reason: reason)
        case .failed(let outcome, let reason), .refused(let outcome, let reason):
            self.init(plugin: facts.name, state: outcome == .timedOut ? .timedOut : .failed, reason: reason)
        case .runs:
            guard let estimate = facts.estimate else {
                self.init(plugin: facts.name, state: .unknown, reason: refusal ?? facts.whyUnknown)
                return
            }
            self.init(plugin: facts.name, state: .updates, reason: refusal)
            packages = estimate.packages.map {
                PendingPackage(name: $0.name, from: $0.from, to: $0.to, fetch: $0.download)
            }
            packageCount = estimate.packageCount
            securityUpdates = estimate.securityUpdates
            fetch = facts.download
            duration = estimate.duration
            requiresReboot = estimate.requiresReboot
        }
    }
}

extension PluginFacts {
    fileprivate var whyUnknown: String {
        if !plugin.speaksProtocol { return "it speaks no protocol" }
        return plugin.manifest?.estimate == false
            ? "its manifest says that it does not estimate" : "it told no estimate"
    }
}
