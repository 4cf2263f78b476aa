// What is asked of a plugin before anything is planned, one question after the other. Others run the processes.

import PluginInvocation
import PluginManifests
import RunModel
import UpdateModel

/// A question to a plugin.
public struct ProbeQuestion: Hashable, Sendable {
    public var command: PluginCommand
    public var timeout: Duration
    /// To wait before it is asked: it is asked again, after an error that may pass.
    public var delay = Duration.zero
    /// To be held while it is asked.
    public var mutexes: Set<MutexName> = []
    /// To be free when it is asked.
    public var free: Set<MutexName> = []
    /// Files that no other program may have locked when it is asked.
    public var locks: [String] = []
    /// Plugins of which nothing may be asked for the same time that does work.
    public var conflicts: [PluginName] = []

    /// It does work, such as fetching lists, which may meet the work of others.
    public var isWork: Bool { command == .estimateUpdate || command == .estimateDownload }

    public init(_ command: PluginCommand, timeout: Duration) {
        self.command = command
        self.timeout = timeout
    }
}

/// Asks a plugin what its manifest does not answer, and comes to a result.
///
///     var conversation = ProbeConversation(with: plugin, for: .plan, isOnPath: …)
///     var action = conversation.begin()
///     while case .ask(let question) = action { action = conversation.take(answer to question) }
///
/// `is-applicable` comes first, and ends the conversation where the answer is no. The mutexes of the phases are asked
/// after the estimate, since they may depend on it; those of the estimate itself right before, where they can serve, and
/// so is `get-mutexes`, which is about every phase: whoever answers it is asked once more afterwards.
public struct ProbeConversation: Sendable {
    public enum Purpose: Hashable, Sendable {
        /// Whether it applies, and as whom it runs.
        case list
        /// What it calls through sudo, besides.
        case sudoPrograms
        /// All that a plan needs.
        case plan

        fileprivate var commands: [PluginCommand] {
            switch self {
            case .list: ProbeConversation.identity
            case .sudoPrograms: ProbeConversation.identity + [.sudoProgramsPaths]
            case .plan: ProbeConversation.everything
            }
        }
    }

    public enum Action: Hashable, Sendable {
        case ask(ProbeQuestion)
        case finish(PluginFacts)
    }

    private enum State {
        case initial
        /// An answer is awaited; `rest` is asked afterwards, as far as it is then needed.
        case asking(PluginCommand, rest: ArraySlice<PluginCommand>)
        case finished
    }

    fileprivate static let identity: [PluginCommand] = [.isApplicable, .doesRequireSudo]
    fileprivate static let everything: [PluginCommand] =
        identity + [
            .getMutexes, .estimateUpdateMutexes, .estimateUpdateDependency, .estimateUpdate, .canSeparateDownload,
            .estimateDownload, .sudoProgramsPaths, .runsAfter, .getDependency, .getMutexes, .downloadMutexes,
            .downloadDependency, .updateMutexes, .updateDependency,
        ]
    private static let maximumEstimates = 3

    private let manifest: Manifest?
    private let purpose: Purpose
    private let missingProgram: String?
    private var state = State.initial
    private var facts: PluginFacts
    private var separateDownload: Bool
    private var claims: [Phase: MutexClaims]
    private var free: [Phase: Set<MutexName>]
    /// Of the download alone.
    private var downloadEstimate: Estimate?
    private var estimates = 0
    /// Whether it answered `get-mutexes`; `nil`: it was not asked yet.
    private var tellsMutexes: Bool?

    /// - Parameter isOnPath: whether a program is on the PATH that the plugin will get.
    public init(with plugin: DiscoveredPlugin, for purpose: Purpose, isOnPath: (String) -> Bool) {
        manifest = plugin.manifest
        self.purpose = purpose
        missingProgram = plugin.manifest?.applicableIf?.first { !isOnPath($0) }
        facts = PluginFacts(plugin: plugin, verdict: .runs)
        facts.requires = manifest?.requires ?? []
        facts.after = manifest?.after ?? []
        facts.conflicts = manifest?.conflicts ?? []
        facts.runAs = manifest?.runAs ?? .invokingUser
        facts.sudoPrograms = manifest?.sudoPrograms ?? []
        facts.callsSudo = manifest?.runAs != nil && facts.runAs != .root && !facts.sudoPrograms.isEmpty
        separateDownload = manifest?.separateDownload ?? false
        claims = manifest?.claims ?? [:]
        free = manifest?.free ?? [:]
    }

    /// The first question; a plugin that speaks no protocol, or whose manifest tells all, is asked none.
    public mutating func begin() -> Action {
        guard case .initial = state else { preconditionFailure("the conversation has begun") }
        if let missingProgram { return finish(.notApplicable("\(missingProgram) is not on PATH")) }
        guard facts.plugin.speaksProtocol else { return finish(.runs) }
        return proceed(purpose.commands[...])
    }

    /// Takes the answer to the question that was asked last.
    public mutating func take(_ answer: Answer) -> Action {
        guard case .asking(let command, let rest) = state else { preconditionFailure("nothing was asked") }
        switch command {
        case .isApplicable:
            if let verdict = Self.applicability(answer) { return finish(verdict) }
        case .estimateUpdate:
            switch takeEstimate(answer) {
            case .again(let delay): return ask(command, rest: rest, delay: delay)
            case .end(let verdict): return finish(verdict)
            case .goOn: break
            }
        default:
            takeDetail(answer, to: command)
        }
        return proceed(rest)
    }

    /// The question that is to be asked next cannot be: it waited too long for what others hold, say.
    public mutating func giveUp(with verdict: PluginFacts.Verdict) -> Action {
        guard case .asking = state else { preconditionFailure("nothing was asked") }
        return finish(verdict)
    }

    // MARK: What is asked

    private mutating func proceed(_ rest: ArraySlice<PluginCommand>) -> Action {
        guard let index = rest.firstIndex(where: isNeeded) else { return finish(.runs) }
        return ask(rest[index], rest: rest[(index + 1)...])
    }

    private mutating func ask(
        _ command: PluginCommand, rest: ArraySlice<PluginCommand>, delay: Duration = .zero
    ) -> Action {
        state = .asking(command, rest: rest)
        var question = ProbeQuestion(command, timeout: manifest?.timeout(of: command) ?? command.defaultTimeout)
        question.delay = delay
        if question.isWork {
            question.mutexes = claims[.check]?.mutexes ?? []
            question.free = free[.check] ?? []
            question.locks = manifest?.locks[.check] ?? []
            question.conflicts = facts.conflicts
        }
        return .ask(question)
    }

    /// Whether nothing answers it so far.
    private func isNeeded(_ command: PluginCommand) -> Bool {
        let isEstimated = manifest?.estimate != false
        return switch command {
        case .isApplicable: manifest?.applicableIf == nil || isDynamic(.applicableIf)
        case .doesRequireSudo: manifest?.runAs == nil
        case .sudoProgramsPaths: isAskedForSudoPrograms
        case .estimateUpdate: isEstimated
        case .estimateUpdateMutexes: isEstimated && isDynamic(.mutexes)
        case .estimateUpdateDependency: isEstimated && isDynamic(.free)
        case .canSeparateDownload: manifest?.separateDownload == nil
        case .estimateDownload: isEstimated && separateDownload && facts.estimate?.download == nil
        case .runsAfter: isDynamic(.after)
        case .getDependency: isDynamic(.requires) || isDynamic(.conflicts)
        case .getMutexes: isDynamic(.mutexes) && (tellsMutexes.map { $0 && estimates > 0 } ?? true)
        case .updateMutexes: isDynamic(.mutexes)
        case .downloadMutexes: separateDownload && isDynamic(.mutexes)
        case .downloadDependency: separateDownload && isDynamic(.free)
        case .updateDependency: isDynamic(.free)
        case .download, .update, .selfUpdate, .selfUpgrade, .version, .validate: false
        }
    }

    /// One that runs as the user by its manifest calls sudo if there are programs for it.
    private var isAskedForSudoPrograms: Bool {
        if facts.callsSudo { return manifest?.sudoPrograms == nil || isDynamic(.sudoPrograms) }
        guard let manifest, let runAs = manifest.runAs else { return false }
        return runAs != .root && isDynamic(.sudoPrograms)
    }

    /// Whether a list is asked for: always without a manifest.
    private func isDynamic(_ key: DynamicKey) -> Bool { manifest?.dynamic.contains(key) ?? true }

    // MARK: What the answers mean

    /// `nil`: it applies.
    private static func applicability(_ answer: Answer) -> PluginFacts.Verdict? {
        switch answer.ending {
        case .exited(0): nil
        case .exited(let code): .notApplicable("it says so: is-applicable exited with code \(code)\(answer.quotation)")
        default: failure(of: .isApplicable, answer)
        }
    }

    private static func failure(of command: PluginCommand, _ answer: Answer) -> PluginFacts.Verdict? {
        answer.failure.map { reason in
            let outcome: Outcome = if case .timedOut = answer.ending { .timedOut } else { .failed }
            return .failed(outcome, "\(command): \(reason)")
        }
    }

    private enum Continuation {
        case goOn
        case again(after: Duration)
        case end(PluginFacts.Verdict)
    }

    private mutating func takeEstimate(_ answer: Answer) -> Continuation {
        estimates += 1
        if let verdict = Self.failure(of: .estimateUpdate, answer) { return .end(verdict) }
        switch EstimateAnswer(answer, isKnown: facts.plugin.knowsEstimate) {
        case .updates(let estimate): facts.estimate = estimate
        case .notOffered: break
        case .upToDate: return .end(.upToDate)
        case .notApplicable:
            return .end(.notApplicable("it says so: estimate-update exited with code 1\(answer.quotation)"))
        case .unknown(let reason): warn(.estimateUpdate, reason)
        case .transientError(let message):
            if estimates < Self.maximumEstimates { return .again(after: .seconds(1 << estimates)) }
            return .end(.failed(.failed, "estimate-update: \(message) (asked \(estimates) times)"))
        case .error(let message):
            return .end(.failed(.failed, "estimate-update: \(message)"))
        }
        return .goOn
    }

    /// Answers that only add something. One that fails leaves what the manifest says, with a warning.
    private mutating func takeDetail(_ answer: Answer, to command: PluginCommand) {
        switch command {
        case .doesRequireSudo: facts.callsSudo = yes(answer, to: command)
        case .canSeparateDownload: separateDownload = yes(answer, to: command)
        case .sudoProgramsPaths:
            facts.sudoPrograms.appendNew(list(answer.paths(), of: command) ?? [])
            facts.callsSudo = facts.callsSudo || !facts.sudoPrograms.isEmpty
        case .estimateDownload:
            switch EstimateAnswer(answer) {
            case .updates(let estimate): downloadEstimate = estimate
            case .error(let message), .transientError(let message): warn(command, message)
            case .upToDate, .notApplicable, .notOffered, .unknown: break
            }
        case .runsAfter: facts.after.appendNew(others(list(answer.pluginNames(), of: command) ?? []))
        case .getDependency:
            guard let answer = list(answer.dependencies(), of: command) else { return }
            if isDynamic(.requires) { facts.requires.appendNew(others(answer.requires)) }
            if isDynamic(.conflicts) { facts.conflicts.appendNew(others(answer.conflicts)) }
        case .getMutexes:
            let mutexes = list(answer.mutexes(), of: command)
            tellsMutexes = mutexes != nil
            for phase in Phase.allCases { hold(mutexes, in: phase) }
        case .estimateUpdateMutexes: hold(list(answer.heldMutexes(), of: command), in: .check)
        case .downloadMutexes: hold(list(answer.heldMutexes(), of: command), in: .download)
        case .updateMutexes: hold(list(answer.heldMutexes(), of: command), in: .execute)
        case .estimateUpdateDependency: wait(for: list(answer.freeMutexes(), of: command), in: .check)
        case .downloadDependency: wait(for: list(answer.freeMutexes(), of: command), in: .download)
        case .updateDependency: wait(for: list(answer.freeMutexes(), of: command), in: .execute)
        default: preconditionFailure("\(command) is never asked here")
        }
    }

    private mutating func yes(_ answer: Answer, to command: PluginCommand) -> Bool {
        if let failure = answer.failure { warn(command, "\(failure); taken as no") }
        return answer.isYes
    }

    private mutating func list<Value>(_ answer: ListAnswer<Value>, of command: PluginCommand) -> Value? {
        for warning in answer.warnings { warn(command, warning) }
        return answer.value
    }

    private func others(_ names: [PluginName]) -> [PluginName] { names.filter { $0 != facts.name } }

    private mutating func hold(_ mutexes: MutexClaims?, in phase: Phase) {
        if let mutexes { claims[phase, default: MutexClaims()].formUnion(mutexes) }
    }

    private mutating func wait(for mutexes: Set<MutexName>?, in phase: Phase) {
        if let mutexes { free[phase, default: []].formUnion(mutexes) }
    }

    private mutating func warn(_ command: PluginCommand, _ reason: String) {
        facts.warnings.append("\(facts.name): \(command): \(reason)")
    }

    // MARK: What comes of it

    private mutating func finish(_ verdict: PluginFacts.Verdict) -> Action {
        state = .finished
        facts.verdict = verdict
        facts.download = facts.estimate?.download ?? downloadEstimate?.download
        if verdict == .runs, purpose == .plan {
            facts.phases = (separateDownload ? [.download, .execute] : [.execute]).map(phaseFacts)
        }
        return .finish(facts)
    }

    private func phaseFacts(_ phase: Phase) -> PhaseFacts {
        var step = PhaseFacts(phase: phase)
        let held = claims[phase] ?? MutexClaims()
        step.mutexes = held.mutexes
        step.free = free[phase] ?? []
        step.demand.downloads = max(held.downloads, phase == .download ? 1 : 0)
        // What the plugin says of this very update is nearer than what its manifest says of any.
        let estimate = phase == .download ? downloadEstimate : facts.estimate
        step.duration = estimate?.duration
        let usual = manifest?.demand[phase]
        (step.demand.cpus, step.demand.cpusSource) = Self.nearest(estimate?.cpus, usual?.cpus)
        (step.demand.memory, step.demand.memorySource) = Self.nearest(estimate?.memory, usual?.memory)
        step.stopSignal = .terminate
        guard let manifest else { return step }
        step.locks = manifest.locks[phase] ?? []
        step.isProtected = manifest.protectedPhases.contains(phase)
        step.stopSignal = manifest.invocation.stopSignal(for: phase)
        step.timeout = manifest.timeout(of: step.command)
        return step
    }

    private static func nearest<Amount>(
        _ estimated: Amount?, _ usual: Amount?
    ) -> (amount: Amount?, source: DemandSource?) {
        if let estimated { return (estimated, .estimate) }
        return (usual, usual == nil ? nil : .manifest)
    }
}

extension Array where Element: Hashable {
    /// Appends what is not there yet.
    fileprivate mutating func appendNew(_ elements: [Element]) {
        for element in elements where !contains(element) { append(element) }
    }
}
