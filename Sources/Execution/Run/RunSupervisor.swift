// Follows a plan: asks the dispatcher what may start, starts it, tells it what ended. The heart of a run; it lives on the
// event loop's thread, and nothing in it waits.

import DequeModule
import Guarding
import PluginInvocation
import PluginManifests
import PluginProtocol
import Reactor
import RunModel
import Scheduling
import SystemPackage
import UpdateModel

/// How a run was asked for.
public struct RunOptions: Sendable, Hashable {
    /// The first failure ends what waits.
    public var isFailFast = false
    /// Further tries of a step that failed.
    public var retries = 0

    public init() {}
}

/// How a run went.
public struct RunResult: Sendable {
    /// For each plugin of the plan.
    public var outcomes: [PluginName: Outcome] = [:]
    /// The signal that cancelled it.
    public var signal: Int32?
    /// Those of `outcomes` that are deferred for the sake of the policy's window, and not by a lock.
    public var putOff: Set<PluginName> = []
    /// A step did not run since a limit that the policy requires was not in force.
    public var lacksRequiredLimit = false

    /// In a word, for hooks after the run.
    var word: String {
        if signal != nil { return "cancelled" }
        return outcomes.values.allSatisfy(\.isSuccess) ? "succeeded" : "failed"
    }
}

/// Runs one plan.
final class RunSupervisor {
    private var prepared: PreparedRun
    private let options: RunOptions
    private let loop: EventLoop
    private let bus: EventBus
    private let starter: StepStarter
    private let questioner: Questioner
    private let writer: LogWriter
    private let directory: RunDirectory
    private let guardian: Guardian?
    private let locks: ForeignLocks
    private let window: WindowWatch
    private let lessons: MemoryLessons
    /// `nil` where commits have no groups.
    private let commitRelief: CommitRelief?
    private let completion: (RunResult) -> Void

    private var dispatcher: Dispatcher
    /// What is started for steps that are tried again with more memory.
    private var retries: [StepID: StepCommand] = [:]
    private var actions: Deque<Dispatcher.Action> = []
    private var isPerforming = false
    private var runs: [StepID: StepRun] = [:]
    /// Commits that went wrong, while their plugins are asked what state that left.
    private var examined: [StepID: StartedStep] = [:]
    private var stepOfLog: [LogWriter.LogID: StepID] = [:]
    /// Jobs that wait for what others hold.
    private lazy var waits = ForeignWaits(
        loop: loop,
        limit: { [unowned self] job in
            prepared.commands[prepared.graph.step(job)]?.settings.waitTimeout ?? .zero
        },
        giveUp: { [unowned self] job in perform(dispatcher.giveUp(job, as: .deferred, now: now)) })
    /// Why nothing is to be started for now.
    private var holding: BrakeReason?
    /// Jobs that could start but for that.
    private var heldJobs: Set<JobIndex> = []
    /// Steps that have ended while nothing was to be started, neither another try nor a question about them.
    private var heldEnds: [(run: StepRun, end: PhaseEnd)] = []
    private var plugins: [PluginName: PluginProgress] = [:]
    private var downloadShares: DownloadShares
    private var report = RunResult()
    private let startTime: Duration
    private var writerWatch: EventLoop.Watch?
    private var usageTimer: EventLoop.Timer?

    /// Between two looks at what running steps use.
    private static let usageInterval = Duration.seconds(1)

    /// What of a plugin has ended so far.
    private struct PluginProgress {
        var remaining: Int
        var last: PhaseEnd?
        var packagesUpdated: Int64 = 0
    }

    init(
        _ prepared: PreparedRun, options: RunOptions, loop: EventLoop, bus: EventBus, starter: StepStarter,
        questioner: Questioner, writer: LogWriter, directory: RunDirectory, guardian: Guardian?, locks: ForeignLocks,
        window: WindowGate?, lessons: MemoryLessons, commitRelief: CommitRelief?,
        completion: @escaping (RunResult) -> Void
    ) {
        self.prepared = prepared
        self.options = options
        self.loop = loop
        self.bus = bus
        self.starter = starter
        self.questioner = questioner
        self.writer = writer
        self.directory = directory
        self.guardian = guardian
        self.locks = locks
        self.window = WindowWatch(window, plan: prepared.plan, loop: loop)
        self.lessons = lessons
        self.commitRelief = commitRelief
        self.completion = completion
        startTime = loop.now
        downloadShares = prepared.downloadShares
        dispatcher = Dispatcher(prepared.graph.problem, failFast: options.isFailFast)
        for step in prepared.plan.steps {
            plugins[step.id.plugin, default: PluginProgress(remaining: 0)].remaining += 1
        }
    }

    /// Begins; `completion` is called when every step has ended.
    func start() throws(Errno) {
        defer { begin() }
        writerWatch = try loop.watch(writer.notice.descriptor, for: .readable) { [unowned self] _ in takeLogNotices() }
    }

    private func begin() {
        for skipped in prepared.plan.skipped { complete(skipped) }
        if bus.wantsUsage { showUsage() }
        // It may have closed while the person was asked.
        if window.isClosed { return perform(dispatcher.deferWaiting(endsFinal: true, now: now)) }
        window.watch { [unowned self] in perform(dispatcher.deferWaiting(now: now)) }
        perform(dispatcher.start(now: now))
    }

    /// Ctrl-C or a signal: the first ends what waits and stops what runs, the second kills what may be killed. Hooks after
    /// the run still run behind the first, since they take back what those before it did, and not behind the second.
    func interrupt(signal: Int32) {
        let isUrgent = report.signal != nil
        report.signal = report.signal ?? signal
        for run in runs.values { run.stop(.cancelled(signal: signal), isUrgent: isUrgent) }
        if isUrgent {
            for question in examined.values { question.process?.stop(.cancelled(signal: signal), isUrgent: true) }
        }
        perform(dispatcher.cancelWaiting(endsFinal: isUrgent, now: now))
    }

    /// Starts nothing, or nothing more, until `goOn`; called again where the reason changes.
    func hold(_ reason: BrakeReason) {
        let isHeld = holding != nil
        holding = reason
        if !isHeld {
            standWaits(true)
            return perform(dispatcher.hold(now: now))
        }
        for job in heldJobs.sorted() {
            let step = prepared.graph.step(job)
            bus.publish(.waiting(step.phase, reason.waitReason), of: step.plugin)
        }
    }

    func goOn() {
        holding = nil
        heldJobs = []
        standWaits(false)
        perform(dispatcher.goOn(now: now))
        let ends = heldEnds
        heldEnds = []
        for (run, end) in ends { settle(run, end) }
    }

    /// What limits can be rewritten of.
    var running: PolicyRevision.Running {
        let steps = runs.values.compactMap { run in
            run.leaf.map {
                PolicyRevision.RunningStep(
                    step: run.step, leaf: $0, isProtected: run.command.isProtected,
                    isRaised: commitRelief?.hasRaised(run.step) ?? false)
            }
        }
        return PolicyRevision.Running(
            steps: steps, areCommitsRaised: commitRelief?.hasRaised(nil) ?? false,
            plugins: prepared.commands.values.filter { $0.hook == nil }.map {
                ($0.step.plugin, $0.plugin.keepsDownloadRate)
            })
    }

    /// All of the plan.
    var steps: [StepID] { prepared.plan.steps.map(\.id) }

    /// The policy gives commits another memory.high; one that had none is watched from now on.
    func reviseCommits(_ highs: [(step: StepID?, value: String?)]) {
        guard let commitRelief else { return }
        for run in runs.values where run.command.isProtected {
            if let leaf = run.leaf { commitRelief.begin(run.step, leaf) }
        }
        for (step, high) in highs { commitRelief.revise(step, high) }
    }

    /// Steps that start from now on are started as `revise` has it.
    func revise(_ revise: (StepCommand) -> StepCommand) { prepared.commands = prepared.commands.mapValues(revise) }

    /// Downloads share `rate` from now on; those that run keep what they were told.
    /// - Parameter units: of the pool, that can be held at a time.
    func shareDownloads(_ rate: ByteCount?, units: Int) { downloadShares.revise(rate: rate, units: units) }

    /// What all steps share is another from now on.
    /// - Returns: what it is then, where that is not what was wanted; a step that is still to come may need more.
    func setCapacity(_ name: String, to amount: Double) -> Double? {
        let (effective, actions) = dispatcher.setCapacity(name, to: amount, now: now)
        perform(actions)
        return effective.flatMap { $0 == amount ? nil : $0 }
    }

    /// What may be frozen is to be, or goes on.
    /// - Returns: whether all of it was.
    func setFrozen(_ isFrozen: Bool) -> Bool {
        let steps = runs.values.filter { !$0.command.isProtected }.map { $0.setFrozen(isFrozen) }
        let questions = examined.values.map { $0.process?.setFrozen(isFrozen) ?? true }
        return (steps + questions).allSatisfy(\.self)
    }

    private func showUsage() {
        for run in runs.values { run.publishUsage() }
        usageTimer = loop.schedule(at: loop.now + Self.usageInterval) { [weak self] in self?.showUsage() }
    }

    private var now: Double { (loop.now - startTime).inSeconds }

    // MARK: The dispatcher's answers

    /// One answer can lead to the next event, such as a step that cannot be started: they are taken in turn.
    private func perform(_ new: [Dispatcher.Action]) {
        actions.append(contentsOf: new)
        guard !isPerforming else { return }
        isPerforming = true
        while let action = actions.popFirst() { perform(action) }
        isPerforming = false
    }

    private func perform(_ action: Dispatcher.Action) {
        switch action {
        case .start(let job):
            heldJobs.remove(job)
            start(job)
        case .waiting(let job, .hold):
            heldJobs.insert(job)
            let step = prepared.graph.step(job)
            bus.publish(.waiting(step.phase, (holding ?? .pressure).waitReason), of: step.plugin)
        case .waiting(let job, let obstacle):
            heldJobs.remove(job)
            let step = prepared.graph.step(job)
            // Every job that waits for it is told here, and not only the one that has met it first.
            var limit: Duration?
            if case .foreignLock(let lock, let holder) = obstacle {
                limit = waits.begin(job, for: ForeignHold(lock: lock, holder: holder))
            }
            bus.publish(
                .waiting(step.phase, prepared.graph.waitReason(obstacle), givesUpAfter: limit), of: step.plugin)
        case .end(let job, let outcome, let reason):
            let step = prepared.graph.step(job)
            let end = PhaseEnd(phase: step.phase, outcome: outcome, error: text(of: reason, for: job))
            waits.end(job)
            heldJobs.remove(job)
            downloadShares.end(step)
            switch reason {
            case .timeIsOver: put(off: step)
            case .requirement(let other) where window.putOff.contains(prepared.graph.step(other)): window.put(off: step)
            default: break
            }
            finish(step, end, hasRun: false)
        case .finished:
            writerWatch?.cancel()
            locks.cancel()
            waits.endAll()
            window.stop()
            usageTimer?.cancel()
            completion(report)
        }
    }

    private func text(of reason: Dispatcher.EndReason, for job: JobIndex) -> String? {
        switch reason {
        case .requirement(let job): "requires \(prepared.graph.step(job))"
        case .failFast(let job): "\(prepared.graph.step(job)) failed, and the run was to end then (--fail-fast)"
        case .timeIsOver: window.closedText
        case .cancelled: nil
        case .givenUp: waits.reason(job)
        }
    }

    // MARK: Steps

    private func start(_ job: JobIndex) {
        let step = prepared.graph.step(job)
        guard let command = retries[step] ?? prepared.commands[step] else {
            preconditionFailure("\(step) was planned without a command")
        }
        if let reason = window.refusal(of: command) {
            waits.end(job)
            put(off: step)
            let end = PhaseEnd(phase: step.phase, outcome: .deferred, error: reason)
            return releaseAndReport(step, end, hasRun: false)
        }
        let hold = locks.acquire(
            lockedMutexes(of: job), free: prepared.freeMutexes[step] ?? [], files: prepared.lockedFiles[step] ?? [])
        if let hold { return wait(job, for: hold) }
        waits.end(job)
        launch(command)
    }

    /// A step does not run for the sake of the policy's window.
    private func put(off step: StepID) {
        window.put(off: step)
        bus.publish(.waiting(step.phase, .window), of: step.plugin)
    }

    /// The download pool is this run's own; every other mutex excludes other runs too.
    private func lockedMutexes(of job: JobIndex) -> [String] {
        prepared.graph.mutexes(of: job).filter { $0 != StepGraph.downloadPool }
    }

    private func launch(_ command: StepCommand) {
        var command = command
        if command.hook == .afterRun { command.runResult = report.word }
        let step = command.step
        if let share = downloadShares.begin(step) { command.hints.downloadRate = share }
        do throws(Errno) {
            let run = StepRun(
                command, logFile: try directory.openLog(of: step), writer: writer, bus: bus, loop: loop
            ) { [unowned self] run, end in
                ended(run, end)
            }
            runs[step] = run
            stepOfLog[run.logID] = step
            start(run)
        } catch {
            let path = "\(directory.path)/\(step.plugin).\(step.phase).log"
            let reason = "its log \(path) cannot be opened: \(error). Choose another place with --state-dir"
            releaseAndReport(step, PhaseEnd(phase: step.phase, outcome: .failed, error: reason), hasRun: false)
        }
    }

    private func start(_ run: StepRun) {
        let step = run.step
        do throws(StartFailure) {
            try run.start(with: starter, under: guardian, logIn: directory)
            if run.command.isProtected, let leaf = run.leaf { commitRelief?.begin(step, leaf) }
        } catch {
            runs[step] = nil
            stepOfLog[run.logID] = nil
            tellGuardianOfEnd(of: run)
            for deviation in error.missingLimits { bus.publish(.limit(deviation), of: step.plugin) }
            if !error.missingLimits.isEmpty { report.lacksRequiredLimit = true }
            releaseAndReport(
                step, PhaseEnd(phase: step.phase, outcome: error.outcome, error: error.reason), hasRun: false)
        }
    }

    private func ended(_ run: StepRun, _ end: PhaseEnd) {
        let step = run.step
        runs[step] = nil
        stepOfLog[run.logID] = nil
        tellGuardianOfEnd(of: run)
        if run.command.isProtected { commitRelief?.end(step) }
        lessons.note(run.command, run.memory, end.outcome)
        // Nothing may be launched into groups that are frozen: clone3 would not return before they are thawed.
        if holding != nil, shouldRetry(run, end) || mustExamine(run.command, end) {
            return heldEnds.append((run, end))
        }
        settle(run, end)
    }

    /// Tries an ended step again where it may, and else takes its end for good.
    private func settle(_ run: StepRun, _ end: PhaseEnd) {
        let step = run.step
        if shouldRetry(run, end) {
            var command = run.command
            let number = command.attempt - command.memoryRetries
            command.attempt += 1
            bus.publish(
                .error("\(step): \(end.error ?? end.outcome.rawValue); trying again, \(number) of \(options.retries)"),
                of: step.plugin)
            return launch(command)
        }
        var end = end
        if end.outcome == .oomKilled, report.signal == nil, dispatcher.startsMore,
            window.refusal(of: run.command) == nil
        {
            do throws(MemoryKill.Refusal) {
                return tryAgain(try lessons.retry(run.command, run.memory))
            } catch {
                if let sentence = error.sentence { end.error = end.error.map { "\($0). \(sentence)" } ?? sentence }
            }
        }
        plugins[step.plugin]?.packagesUpdated += run.result?.packagesUpdated ?? 0
        examine(run.command, end) { [unowned self] end in releaseAndReport(step, end, hasRun: true) }
    }

    private func mustExamine(_ command: StepCommand, _ end: PhaseEnd) -> Bool {
        command.isProtected && command.plugin.offersValidation && !end.outcome.isSuccess
            && (end.exitCode != nil || end.signal != nil)
    }

    /// Has the plugin of a commit that went wrong say what state that left, while its mutexes are still held.
    private func examine(_ command: StepCommand, _ end: PhaseEnd, then report: @escaping (PhaseEnd) -> Void) {
        guard mustExamine(command, end) else { return report(end) }
        let timeout = command.plugin.manifest?.timeout(of: .validate) ?? PluginCommand.validate.defaultTimeout
        let question = questioner.ask(
            .validate, of: command.plugin, as: command.runAs, timeout: timeout
        ) { [unowned self] answer in
            examined[command.step] = nil
            var end = end
            switch ValidationAnswer(answer, of: command.plugin.name) {
            case .inOrder: break
            case .complaint(let text): end.error = [end.error, text].compactMap(\.self).joined(separator: "; ")
            }
            report(end)
        }
        // Where no process could be started, the answer has come already.
        if let question { examined[command.step] = question }
    }

    /// It gives back all that it holds, and waits for its turn with more.
    private func tryAgain(_ retry: MemoryLessons.Retry) {
        let step = retry.command.step
        guard let job = prepared.graph.job(step) else { return }
        bus.publish(.limit(retry.deviation), of: step.plugin)
        retries[step] = retry.command
        locks.release(lockedMutexes(of: job))
        perform(dispatcher.retry(job, taking: retry.amounts, now: now))
    }

    private func tellGuardianOfEnd(of run: StepRun) {
        if run.command.isProtected { guardian?.unprotect(step: run.step) } else { guardian?.untrack(step: run.step) }
    }

    private func shouldRetry(_ run: StepRun, _ end: PhaseEnd) -> Bool {
        guard report.signal == nil, run.command.attempt - run.command.memoryRetries <= options.retries,
            window.refusal(of: run.command) == nil
        else { return false }
        switch end.outcome {
        case .failed, .timedOut, .killed: return true
        default: return false
        }
    }

    private func releaseAndReport(_ step: StepID, _ end: PhaseEnd, hasRun: Bool) {
        guard let job = prepared.graph.job(step) else { return }
        locks.release(lockedMutexes(of: job))
        downloadShares.end(step)
        finish(step, end, hasRun: hasRun)
        perform(dispatcher.ended([Dispatcher.End(job, end.outcome)], now: now))
    }

    // MARK: What others hold

    /// While nothing may be started it is no fault of theirs that a step waits: its time stands still, and that is told.
    private func standWaits(_ isStanding: Bool) {
        waits.stand(isStanding)
        for (job, hold, left) in waits.waiting {
            let reason = prepared.graph.waitReason(.foreignLock(hold.lock, holder: hold.holder))
            let step = prepared.graph.step(job)
            bus.publish(.waiting(step.phase, reason, givesUpAfter: left), of: step.plugin)
        }
    }

    private func wait(_ job: JobIndex, for hold: ForeignHold) {
        perform(dispatcher.startBlocked(job, by: hold.lock, holder: hold.holder, now: now))
        locks.whenFree(hold.lock) { [weak self] in
            guard let self else { return }
            waits.released(hold.lock)
            perform(dispatcher.foreignLockReleased(hold.lock, now: now))
        }
    }

    // MARK: Logs

    private func takeLogNotices() {
        for notice in writer.takeNotices() {
            switch notice {
            case .drained(let log): stepOfLog[log].flatMap { runs[$0] }?.logDrained()
            case .failed(let log, let failure): stepOfLog[log].flatMap { runs[$0] }?.logFailed(failure)
            case .closed(let log): stepOfLog[log].flatMap { runs[$0] }?.logClosed()
            }
        }
    }

    // MARK: Ends

    private func complete(_ skipped: SkippedPlugin) {
        report.outcomes[skipped.plugin] = skipped.outcome
        let error = skipped.outcome == .upToDate ? nil : skipped.reason
        bus.publish(.completion(Completion(outcome: skipped.outcome, error: error)), of: skipped.plugin)
    }

    /// A step has ended; with its last one, so has its plugin. The plugin's outcome is that of its last phase that ran;
    /// of one that did not run where all before it went well, since the plugin's work was not done.
    private func finish(_ step: StepID, _ end: PhaseEnd, hasRun: Bool) {
        bus.publish(.phaseEnd(end), of: step.plugin)
        guard var progress = plugins[step.plugin] else { return }
        progress.remaining -= 1
        if hasRun || progress.last?.outcome.isSuccess ?? true { progress.last = end }
        plugins[step.plugin] = progress
        guard progress.remaining == 0, let last = progress.last else { return }
        report.outcomes[step.plugin] = last.outcome
        if last.outcome == .deferred, window.putOff.contains(where: { $0.plugin == step.plugin }) {
            report.putOff.insert(step.plugin)
        }
        bus.publish(
            .completion(
                Completion(
                    outcome: last.outcome, exitCode: last.exitCode, packagesUpdated: progress.packagesUpdated,
                    error: last.error)),
            of: step.plugin)
    }
}

extension BrakeReason {
    fileprivate var waitReason: WaitReason {
        switch self {
        case .pressure: .pressure
        case .pause: .pause
        }
    }
}
