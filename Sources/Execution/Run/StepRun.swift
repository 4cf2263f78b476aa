// One step of a plan while it runs: its log, its events, and what its end means.

import Accounting
import Cgroups
import Guarding
import LinuxSystem
import PluginProtocol
import Reactor
import RunModel
import SystemPackage
import UpdateModel

/// Runs one try of a step. Lives on the event loop's thread.
final class StepRun: SupervisedProcess.Output {
    let command: StepCommand
    private let bus: EventBus
    private let writer: LogWriter
    private let loop: EventLoop
    private let log: LogWriter.LogID
    private var decoders: [OutputStream: OutputDecoder] = [:]
    private var started: StartedStep?
    private var startTime = Duration.zero
    private var lastUsage: (cpuTime: Duration, at: Duration)?
    private var logFailure: Errno?
    private var stallTimer: EventLoop.Timer?
    /// How it ended, while its log is still being written.
    private var ending: (judgement: StepJudgement, metrics: Metrics)?
    private var lastLines: [OutputStream: OutputLines] = [:]
    private(set) var result: UpdateResult?
    /// What there is to learn of its memory, when it has ended.
    private(set) var memory = StepMemory()
    private var resultCount = 0
    private let onEnd: (StepRun, PhaseEnd) -> Void

    /// A log to which not one byte could be written for so long is given up.
    private static let stallLimit = Duration.seconds(30)
    /// Results are state, which no reader loses: a plugin that reports them without end must not fill their memory.
    static let maximumResults = 100

    var step: StepID { command.step }
    var logID: LogWriter.LogID { log }

    /// - Parameters:
    ///   - logFile: to append to.
    ///   - onEnd: called once, when the process and all that it started are dealt with.
    init(
        _ command: StepCommand, logFile: consuming OwnedDescriptor, writer: LogWriter, bus: EventBus, loop: EventLoop,
        onEnd: @escaping (StepRun, PhaseEnd) -> Void
    ) {
        self.command = command
        self.writer = writer
        self.bus = bus
        self.loop = loop
        self.onEnd = onEnd
        log = writer.open(logFile)
    }

    /// Starts it, and says so.
    /// - Parameters:
    ///   - guardian: told of it before there is a process and again when there is, so that there is no moment at which
    ///     update-all could die and nobody would know.
    ///   - directory: where the guardian of a commit writes on.
    func start(with starter: StepStarter, under guardian: Guardian?, logIn directory: RunDirectory) throws(StartFailure)
    {
        startTime = monotonicTime()
        do throws(StartFailure) {
            // Open until its witness has it.
            let file = try exitRecord(guardian)
            let record: CInt? =
                switch file {
                case .some(let file): file.raw
                case .none: nil
                }
            let started = try starter.start(
                command, output: self, exitRecord: record,
                beforeStart: { beginning in
                    if let guardian { tell(guardian, beginning, nil, directory) }
                },
                onNotice: { [weak self] in self?.noted($0) },
                onEnd: { [weak self] in self?.ended($0) })
            self.started = started
            if let guardian, let process = started.process {
                let beginning = StepStarter.Beginning(
                    outputs: process.outputDescriptors,
                    temporaryDirectory: started.leaf == nil ? started.temporaryDirectory : nil)
                tell(guardian, beginning, process, directory)
            }
            announce(started)
        } catch {
            writer.close(log)
            throw error
        }
    }

    /// Where the exit of a commit is noted.
    private func exitRecord(_ guardian: Guardian?) throws(StartFailure) -> OwnedDescriptor? {
        guard command.isProtected, let guardian else { return nil }
        do throws(Errno) {
            return try guardian.createExitRecord(for: step)
        } catch {
            throw StartFailure(
                outcome: .failed, reason: "its exit could not be noted: \(error). Choose another place with --state-dir"
            )
        }
    }

    /// A commit's output is to be read on should update-all die; any other step is to be ended, and found for that where no
    /// group holds it.
    private func tell(
        _ guardian: Guardian, _ beginning: StepStarter.Beginning, _ process: SupervisedProcess?,
        _ directory: RunDirectory
    ) {
        do throws(Errno) {
            if command.isProtected {
                let log = try directory.openLog(of: step)
                try guardian.protect(
                    step: step, process: process?.processDescriptor, outputs: beginning.outputs, log: log.raw)
            } else if let temporaryDirectory = beginning.temporaryDirectory {
                try guardian.track(step: step, session: process?.processID, temporaryDirectory: temporaryDirectory)
            }
        } catch {
            let loss = command.isProtected ? "its output is lost" : "it goes on"
            publish(
                .error(
                    "the guardian could not be told of \(step): \(error). Should update-all be killed now, \(loss)"))
        }
    }

    /// Where it runs, for whoever watches over commits or changes its limits; `nil` where its processes have no group.
    var leaf: Leaf? { started?.leaf }

    func stop(_ cause: StopCause, isUrgent: Bool) {
        started?.process?.stop(cause, isUrgent: isUrgent)
    }

    /// Its processes are to stand still, or go on.
    /// - Returns: whether all of them do.
    func setFrozen(_ isFrozen: Bool) -> Bool { started?.process?.setFrozen(isFrozen) ?? true }

    private func announce(_ started: StartedStep) {
        let capabilities = started.persona.account.user == 0 ? command.boundingSet ?? [] : []
        publish(
            .phaseStart(
                PhaseStart(
                    phase: step.phase, cgroup: started.leaf?.path, limits: started.leaf?.applied ?? [],
                    runAs: started.persona.account.name, capabilities: capabilities,
                    isProtected: command.isProtected)))
        for deviation in started.leaf?.deviations ?? [] { publish(.limit(deviation)) }
    }

    /// Tells displays what it uses at the moment; nothing where no group counts that.
    func publishUsage() {
        guard let leaf = started?.leaf else { return }
        let now = monotonicTime()
        var usage = Usage(memory: leaf.memoryInUse, memoryLimit: leaf.memoryLimit)
        if let cpuTime = leaf.cpuTime {
            usage.cpu = lastUsage.map { Fraction((cpuTime - $0.cpuTime) / (now - $0.at)) }
            lastUsage = (cpuTime, now)
        }
        bus.publish(usage, of: step)
    }

    private func publish(_ body: Event.Body) { bus.publish(body, of: step.plugin) }

    // MARK: Output

    func take(_ bytes: [UInt8], from stream: OutputStream, at now: Duration) -> Bool {
        let hasRoom = logFailure != nil || record(bytes)
        if !hasRoom { watchForStall() }
        let decoded = bytes.withUnsafeBytes { decoders[stream, default: decoder(stream)].feed($0.bytes) }
        publish(decoded, from: stream)
        return hasRoom
    }

    private func decoder(_ stream: OutputStream) -> OutputDecoder {
        OutputDecoder(phase: step.phase, stream: stream)
    }

    func ended() {
        for stream in [OutputStream.stdout, .stderr] {
            publish(decoders[stream, default: decoder(stream)].finish(), from: stream)
        }
    }

    private func publish(_ decoded: [DecodedOutput], from stream: OutputStream) {
        for item in decoded {
            switch item {
            case .lines(let lines):
                lastLines[stream] = lines
                publish(.output(lines))
            case .event(.progress(let progress)):
                publish(.progress(progress))
            case .event(.result(let result)):
                take(result)
            case .event(.phaseStart), .event(.phaseEnd):
                // The phases are ours: they begin and end with their processes.
                break
            case .warning(let text):
                warn(text)
            }
        }
    }

    private func take(_ result: UpdateResult) {
        resultCount += 1
        switch resultCount {
        case ...Self.maximumResults:
            self.result = result
            publish(.result(result))
        case Self.maximumResults + 1:
            warn("more than \(Self.maximumResults) results were reported; the rest is ignored")
        default:
            break
        }
    }

    private func warn(_ text: String) { _ = writer.append(Array("[update-all: \(text)]\n".utf8), to: log) }

    // MARK: The log

    private func record(_ bytes: [UInt8]) -> Bool {
        command.isProtected ? writer.write(bytes, to: log) : writer.append(bytes, to: log)
    }

    /// The log has room again.
    func logDrained() {
        if ending == nil { stopWatchingForStall() }
        started?.process?.resumeReading()
    }

    /// All of the log is on disk, or was refused.
    func logClosed() { conclude() }

    /// The disk refused the log, or did not answer.
    func logFailed(_ failure: Errno) {
        guard logFailure == nil else { return }
        logFailure = failure
        if command.isProtected {
            let hasEnded = started == nil
            publish(
                .error(
                    hasEnded
                        ? "the end of the log of \(step) is missing: \(failure)"
                        : "the log of \(step) is cut: \(failure). The commit goes on"))
            started?.process?.resumeReading()
        } else {
            started?.process?.stop(.logFailed, isUrgent: false)
            started?.process?.resumeReading()
        }
    }

    /// Something waits for the disk: whether it moves is looked at until nothing waits any more.
    private func watchForStall() {
        if stallTimer == nil { lookForStall(after: Self.stallLimit) }
    }

    private func lookForStall(after pause: Duration) {
        stallTimer = loop.schedule(at: monotonicTime() + pause) { [weak self] in
            guard let self, logFailure == nil else { return }
            let stalled = writer.stalled(log, at: monotonicTime()) ?? .zero
            if stalled < Self.stallLimit { return lookForStall(after: Self.stallLimit - stalled) }
            writer.abandon(log)
            logFailed(.timedOut)
            conclude()
        }
    }

    private func stopWatchingForStall() {
        stallTimer?.cancel()
        stallTimer = nil
    }

    // MARK: The end

    private func noted(_ notice: SupervisedProcess.Notice) {
        switch notice {
        case .stopping(let cause, let signal, let killAfter):
            publish(
                .stopping(Stopping(phase: step.phase, cause: cause, signal: signal, killAfter: killAfter)))
        case .overdue(let limit):
            publish(
                .limit(
                    LimitDeviation(
                        control: "timeout", requested: limit.sentence, effective: nil,
                        reason: "\(step) is a commit and is waited for")))
        case .cannotKill(let reason):
            publish(.error("\(step) cannot be ended: \(reason)"))
        }
    }

    private func ended(_ end: ProcessLifecycle.End) {
        guard let started else { return }
        let wall = loop.now - startTime
        // Read before the group goes: its counters go with it.
        let events = started.leaf?.memoryEvents()
        let metrics = started.metrics(wall: wall)
        memory = StepMemory(of: started.leaf, events: events, peak: metrics.memoryPeak)
        let judgement = StepJudgement(
            command: command, end: end, oomKills: events?.oomKills ?? 0, killingLimit: memory.killingLimit,
            memoryPeak: metrics.memoryPeak, logFailure: logFailure, launchError: started.process?.launchError,
            lastLine: lastLine)
        // What the policy keeps needs no word; what could not be ended, and what a commit leaves, does.
        let isKept = command.settings.leftovers == .keep && !command.isProtected && end.cause == nil
        if end.leftoversRemain, !isKept {
            let list = end.leftovers.prefix(10).map(String.init).joined(separator: ", ")
            publish(.error("\(step) left processes behind that still run: \(list)"))
        }
        started.cleanUp(after: end)
        // The process hands its output to this object: one of the two must let go, or neither is ever freed.
        self.started = nil
        ending = (judgement, metrics)
        switch writer.close(log) {
        case .closed(let failure):
            if let failure { logFailed(failure) }
            conclude()
        case .pending:
            // The disk may refuse the last bytes yet.
            watchForStall()
        }
    }

    /// The process has ended and what there is to know of its log is known.
    private func conclude() {
        guard let (judgement, metrics) = ending else { return }
        ending = nil
        stopWatchingForStall()
        var judged = judgement
        judged.logFailure = logFailure
        var phaseEnd = judged.phaseEnd
        phaseEnd.metrics = metrics
        onEnd(self, phaseEnd)
    }

    /// What it complained with last: the last line of stderr that is not blank, or else of stdout.
    private var lastLine: String? {
        for stream in [OutputStream.stderr, .stdout] {
            guard let lines = lastLines[stream] else { continue }
            for index in (0..<lines.count).reversed() where lines.line(index).contains(where: { $0 > 0x20 }) {
                return String(decoding: lines.line(index).prefix(300), as: UTF8.self)
            }
        }
        return nil
    }
}
