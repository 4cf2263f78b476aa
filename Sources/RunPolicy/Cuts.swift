// What the ceiling leaves of what is asked for, told: of the policy's values, and of options in their place.

import Policy
import UpdateModel

extension MergedPolicy {
    /// What the run gets as a whole.
    /// - Parameter jobs: `--jobs`, in place of the policy's `parallel`.
    public func run(on facts: MachineFacts, jobs: Int?) -> RunSettings {
        var settings = run(on: facts)
        if let jobs { settings.parallel = cutJobs(jobs, on: facts).jobs }
        return settings
    }

    /// What one step gets.
    /// - Parameter timeout: `--timeout`, in place of the policy's.
    public func step(
        _ plugin: PluginName, _ phase: Phase, on facts: MachineFacts, timeout: Duration?
    ) -> StepSettings {
        var settings = step(plugin, phase, on: facts)
        if let timeout { settings.timeout = Self.cutTimeout(timeout, view(of: plugin, phase, on: facts)).timeout }
        return settings
    }

    /// What the ceiling has cut of what is asked for the run as a whole.
    /// - Parameter jobs: `--jobs`.
    public func runCuts(on facts: MachineFacts, jobs: Int? = nil) -> [LimitDeviation] {
        let cuts = [PolicyTable.document, .run, .protect, .window].flatMap { view([$0], on: facts).cuts }
        guard let jobs else { return cuts }
        let parallel = PolicySlot(table: .run, key: .parallel).description
        return cuts.filter { $0.control != parallel } + [cutJobs(jobs, on: facts).cut].compactMap(\.self)
    }

    /// What the ceiling has cut of what is asked for one step.
    /// - Parameter timeout: `--timeout`.
    public func stepCuts(
        _ plugin: PluginName, _ phase: Phase, on facts: MachineFacts, timeout: Duration? = nil
    ) -> [LimitDeviation] {
        let view = view(of: plugin, phase, on: facts)
        guard let timeout else { return view.cuts }
        let own = view.resolve(.timeout)?.slot.description
        return view.cuts.filter { $0.control != own } + [Self.cutTimeout(timeout, view).cut].compactMap(\.self)
    }

    private func view(of plugin: PluginName, _ phase: Phase, on facts: MachineFacts) -> PolicyView {
        view(Self.tables(of: plugin, phase), on: facts)
    }

    private func cutJobs(_ jobs: Int, on facts: MachineFacts) -> (jobs: Int, cut: LimitDeviation?) {
        let (value, cut) = view([.run], on: facts).cut(.integer(Int64(jobs)), of: .parallel, option: "--jobs")
        guard case .integer(let number) = value else { return (jobs, nil) }
        return (Int(number), cut)
    }

    private static func cutTimeout(_ timeout: Duration, _ view: PolicyView) -> (timeout: Duration, cut: LimitDeviation?)
    {
        let (value, cut) = view.cut(.duration(timeout), of: .timeout, option: "--timeout")
        guard case .duration(let duration) = value else { return (timeout, nil) }
        return (duration, cut)
    }

    /// The administrator's line that requires limits to be enforced; `nil`: everybody may prefer them.
    public var enforcementCeiling: PolicyOrigin? {
        let setting = wholeView(.document).limit(of: .enforcement)
        return setting?.value == .text(Enforcement.required.rawValue) ? setting?.origin : nil
    }

    /// The administrator's line that says when updates may run; `nil`: everybody may say otherwise.
    public var windowCeiling: PolicyOrigin? {
        let setting = wholeView(.window).limit(of: .allow)
        return setting?.value == .texts([]) ? nil : setting?.origin
    }
}

extension PolicyView {
    /// What the ceiling leaves of a value that an option asks for in place of the policy's.
    fileprivate func cut(
        _ value: PolicyValue, of key: PolicyKey, option: String
    ) -> (value: PolicyValue, cut: LimitDeviation?) {
        let left = cut(value, of: key)
        guard left != value, let origin = limit(of: key)?.origin else { return (value, nil) }
        let cut = LimitDeviation(
            control: option, requested: value.text, effective: left.text, reason: origin.asCeiling)
        return (left, cut)
    }

    /// Of all that was asked for what the ceiling has cut.
    fileprivate var cuts: [LimitDeviation] {
        guard !ceiling.isEmpty else { return [] }
        return PolicyKey.allCases.compactMap { resolve($0)?.cut }
    }
}

extension ResolvedSetting {
    /// What is told where it was cut.
    package var cut: LimitDeviation? {
        ceiling.map { ceiling in
            LimitDeviation(
                control: slot.description, requested: setting.value.text, effective: value.text,
                reason: ceiling.origin.asCeiling)
        }
    }
}

extension PolicyOrigin {
    /// Why a value is not in force as asked.
    package var asCeiling: String { "the ceiling of \(self)" }
}
