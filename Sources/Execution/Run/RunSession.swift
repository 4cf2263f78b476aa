// Everything that one invocation of update-all holds while it asks plugins and runs a plan, in the order in which it is
// taken and given back: the event loop, the control groups, the guardian, the readers of events.

import Accounting
import Auditing
import Cgroups
import Digest
import Glibc
import GuardianProtocol
import Guarding
import Launching
import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import Policy
import PolicyReports
import Privilege
import Reactor
import RunModel
import RunPolicy
import Scheduling
import SystemPackage
import Systemd
import UpdateModel

/// Asks plugins, makes a plan, runs it. Its isolation is the event loop's thread, from which all processes are started.
public actor RunSession {
    public nonisolated let run: RunID
    let loop: EventLoop
    var configuration: SessionConfiguration
    let personas: Personas
    let bus: EventBus
    private let readers: EventReaders
    var machine: MachineFacts
    private(set) var site: CgroupSite
    /// Where questions are asked once a helper keeps the groups of steps.
    private var ownTree: CgroupTree?
    private(set) var helper: HelperClient?
    /// Runs as root what steps give to their sudo.
    var sudo: SudoDesk?
    /// What was planned last.
    var lastFacts: (facts: [PluginFacts], notSelected: [PluginName])?
    private var starter: StepStarter?
    private var janitor: Janitor?
    /// Where there are no groups.
    private var orphans: Orphans?
    private(set) var temporaryRoot: String?
    private var writer: LogWriter?
    private var directory: RunDirectory?
    private var guardian: Guardian?
    private var signals: SignalSource?
    private(set) var systemd: ScopeListener?
    var prober: Prober?
    var selfUpdater: SelfUpdater?
    private(set) var questioner: Questioner?
    /// `nil`: the policy has no window, or what is to be done changes nothing.
    let windowGate: WindowGate?
    private var isWatched = false
    var supervisor: RunSupervisor?
    var governance: Governance?
    var brake: RunBrake?
    var control: RunControl?
    var lessons: MemoryLessons?
    var downloadLimit: DownloadLimit?
    var received: Int32?
    /// When the run itself began, after the person was asked.
    private var runStart = Duration.zero
    private var guardianTrouble: String?
    private var endWaiter: CheckedContinuation<Void, Never>?
    private var inputWatches: [EventLoop.Watch] = []
    private var inputWaiter: CheckedContinuation<Bool, Never>?
    private var terminal: TerminalHandOver?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// What somebody may want of a run.
    static let handledSignals: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGTSTP]
    /// Signals that a run reads; to be blocked before any thread is started.
    public static let blockedSignals = handledSignals + [SIGCHLD]

    /// What a display changed of the terminal, should we die before it can put that right.
    public struct TerminalHandOver: Sendable {
        public var descriptor: CInt
        public var attributes: termios
        public var escapes: [UInt8]

        public init(descriptor: CInt, attributes: termios, escapes: [UInt8]) {
            self.descriptor = descriptor
            self.attributes = attributes
            self.escapes = escapes
        }
    }

    public init(_ configuration: SessionConfiguration) throws(RunError) {
        self.configuration = configuration
        windowGate =
            configuration.selection.isDryRun ? nil : WindowGate(configuration.policy, clock: configuration.clock)
        run = RunID(start: configuration.start, processID: getpid())
        personas = try Personas(environment: configuration.environment)
        userName = personas.ownName
        personas.helpedDirectories = configuration.elevation?.pluginDirectories ?? []
        do throws(Errno) {
            loop = try EventLoop(name: "supervisor")
        } catch {
            throw RunError(
                .failure, "the event loop cannot be made: \(error). Raise the limit of open files (ulimit -n)")
        }
        bus = EventBus { [loop] in loop.calendarNow }
        readers = EventReaders(bus: bus)
        site = .unavailable(reason: "")
        machine = .current()
    }

    /// Who runs this.
    public nonisolated let userName: String

    /// What steps print is read by a person at a terminal, as it is printed. To be said before `open`.
    public func outputIsWatched() { isWatched = true }

    // MARK: Opening

    /// Takes what asking and running need: groups, a private place, signals.
    public func open() throws(RunError) {
        site = CgroupTree.prepare(run: run)
        machine.take(site)
        if case .unavailable = site { orphans = Orphans() }
        systemd = tree?.transientScope.map { [bus] scope in
            ScopeListener(
                scope, on: loop, onStop: { [unowned self] in assumeIsolated { $0.cancel(signal: SIGTERM) } },
                report: { bus.publish(.error($0)) })
        }
        for path in configuration.policy.ioPaths { machine.disks[path] = lookUpDisk(path) }
        limitDownloads()
        do throws(Errno) {
            let launcher = try InProcessLauncher()
            let janitor = try Janitor()
            self.janitor = janitor
            let root = try PrivateDirectory.create(for: run, in: configuration.places.state)
            temporaryRoot = root
            if personas.areRoots, let account = try Account.numbered(0) {
                let policyHash = sha256(configuration.policy.canonicalText)
                sudo = SudoDesk(in: root, loop: loop) { caller in
                    let audit = AuditLog(for: caller, process: getpid(), program: "update-all")
                    audit.policyHash = policyHash
                    return OwnSudoRunner(spawner: launcher.spawner, root: account, caller: caller, audit: audit)
                }
            }
            starter = makeStarter(launcher, root, janitor, isHelped: false)
            starter?.willStartFirst = { [unowned self] in
                assumeIsolated { $0.startGuardian() }
            }
            let planner = planner
            questioner = starter.map { Questioner(starter: $0) { planner.questionRules($0) } }
            let signalNumbers = Self.handledSignals + (orphans == nil ? [] : [SIGCHLD])
            signals = try SignalSource(signalNumbers, on: loop) { [unowned self] signal in
                assumeIsolated { $0.received(signal) }
            }
        } catch {
            throw RunError(
                .failure,
                "what a run needs of the system (threads, a private directory in \(configuration.places.state) or /tmp)"
                    + " cannot be had: \(error). Make room there, or raise the limits of files and processes (ulimit -n, -u)"
            )
        }
    }

    private func makeStarter(
        _ launcher: any Launcher, _ temporaryRoot: String, _ janitor: Janitor, isHelped: Bool
    ) -> StepStarter {
        StepStarter(
            run: run, loop: loop, launcher: launcher, site: site, personas: personas, temporaryRoot: temporaryRoot,
            environment: configuration.environment, pluginSettings: configuration.pluginSettings,
            witness: configuration.places.guardian, isWatched: isWatched, janitor: janitor, orphans: orphans,
            isHelped: isHelped, sudo: sudo, sudoDirectory: configuration.places.sudo)
    }

    /// From now on the helper starts every step, in its groups.
    func adopt(_ client: HelperClient) throws -> Bool {
        guard let temporaryRoot, let janitor else { preconditionFailure("open() comes first") }
        helper = client
        ownTree = tree
        do throws(CgroupError) {
            site = .tree(try client.tree())
        } catch {
            throw RunError(.failure, "root's control groups cannot be used: \(error)")
        }
        machine.take(site)
        // Those of questions are beside it.
        let root = "\(temporaryRoot)/steps"
        do throws(Errno) {
            try makeDirectory(root, mode: 0o711)
        } catch {
            throw RunError(
                .failure,
                "its private directory in \(temporaryRoot) cannot be made: \(error). Choose another place with --state-dir"
            )
        }
        sudo = SudoDesk(in: root, loop: loop) { _ in client }
        starter = makeStarter(client, root, janitor, isHelped: true)
        return true
    }

    /// Gives back what `open` and `execute` took.
    public func close() {
        control?.close()
        control = nil
        bus.observer = nil
        downloadLimit?.end()
        downloadLimit = nil
        systemd = nil
        janitor?.finish(limit: .seconds(30))
        if let temporaryRoot { try? removeTree(temporaryRoot) }
        guardian?.finish()
        guardian = nil
        if case .tree(let tree) = site {
            // What is still in it, a leftover that the policy keeps, is marked as such.
            try? tree.remove()
        }
        try? ownTree?.remove()
        helper?.finish()
        helper = nil
    }

    /// Ends the session, when every reader has been told all of the run; a signal ends the waiting for one that is stuck.
    public func end() async {
        if !readers.isEmpty {
            await withCheckedContinuation { continuation in
                endWaiter = continuation
                Task { [threads = readers.all] in
                    for thread in threads { await thread.ended() }
                    readersHaveEnded()
                }
            }
        }
        signals = nil
        loop.stop()
    }

    /// Ends a session in which something went wrong: whoever reads is told no more, and not waited for.
    public func abandon() {
        close()
        readers.finish()
        signals = nil
        loop.stop()
    }

    func readersHaveEnded() {
        endWaiter?.resume()
        endWaiter = nil
    }

    /// What is wrong with the record of what steps needed in earlier runs, as a sentence; known once a plan was made.
    public private(set) var recordTrouble: String?

    var peakRecord: PeakRecord {
        let (record, trouble) = PeakFile(configuration.places).read()
        recordTrouble = trouble ?? recordTrouble
        return record
    }

    private func keepLessons() {
        guard let lessons, lessons.hasLearned else { return }
        let file = PeakFile(configuration.places)
        do throws(Errno) {
            try file.write(lessons.record)
        } catch {
            bus.publish(
                .error("what steps needed is not noted for the next run: \(file.path): \(error). Make room there"))
        }
    }

    // MARK: What comes from outside

    /// The signal that ended the asking, if one did.
    public var interruption: Int32? { received }

    /// Waits until something can be read from one of `descriptors`, or a signal came.
    /// - Returns: whether something can be read.
    public func waitForInput(on descriptors: [CInt]) async -> Bool {
        guard received == nil else { return false }
        let isReadable = await withCheckedContinuation { continuation in
            inputWaiter = continuation
            do throws(Errno) {
                for descriptor in descriptors {
                    let watch = try loop.watch(descriptor, for: .readable) { [unowned self] _ in
                        assumeIsolated { $0.inputArrived(true) }
                    }
                    inputWatches.append(watch)
                }
            } catch {
                // A file is always readable, and nothing that epoll takes.
                inputArrived(true)
            }
        }
        return isReadable
    }

    func inputArrived(_ isReadable: Bool) {
        for watch in inputWatches { watch.cancel() }
        inputWatches = []
        inputWaiter?.resume(returning: isReadable)
        inputWaiter = nil
    }

    // MARK: Readers

    /// Makes the run's directory and begins its journal.
    public func openJournal() throws(RunError) -> RunDirectory {
        let places = configuration.places
        runStart = monotonicTime()
        let directory = try RunDirectory.create(places.runDirectory(run), isSystemWide: places.isSystemWide)
        self.directory = directory
        let journal = JSONLinesSink(run: run, output: try directory.openJournal(), includesOutput: false)
        try readers.attachJournal(
            journal, path: directory.journal, runStart: runStart, onFailure: failureReport(of: "journal"))
        return directory
    }

    /// Adds a reader of all events from now on.
    public func attach(_ sink: sending any EventSink, name: String) throws {
        try readers.attach(sink, name: name, onFailure: failureReport(of: name))
    }

    private func failureReport(of name: String) -> @Sendable (any Error) -> Void {
        { [weak self] error in Task { await self?.reader(name, failed: error) } }
    }

    private func reader(_ name: String, failed error: any Error) {
        bus.publish(.error("events can no longer be written to \(name): \(error)"))
    }

    /// The display has changed the terminal; the guardian is to put it right should we die.
    public func displayIsActive(_ terminal: TerminalHandOver) {
        self.terminal = terminal
        tellGuardianOfTerminal()
    }

    private func tellGuardianOfTerminal() {
        guard let terminal else { return }
        try? guardian?.terminalIsActive(
            terminal.descriptor, restoring: terminal.attributes, escapes: terminal.escapes)
    }

    // MARK: Running

    /// Publishes the beginning of a run: from now on every reader knows which it is.
    public func announce(_ plugins: [PluginName]) {
        bus.publish(
            .runStart(
                RunStart(
                    version: configuration.version, host: machine.hostName, user: personas.ownName,
                    policy: configuration.policy.name, policyHash: sha256(configuration.policy.canonicalText),
                    plugins: plugins, enforcement: configuration.policy.enforcement)))
    }

    /// Publishes what is not about one step.
    public func report(_ errors: [String]) {
        for error in errors { bus.publish(.error(error)) }
    }

    /// Runs a plan to its end, and returns when every reader has been told all of it.
    public func execute(_ prepared: PreparedRun) async throws(RunError) -> RunResult {
        guard let starter, let questioner, let directory, let lessons else {
            preconditionFailure("open(), plan() and openJournal() come first")
        }
        bus.publish(.plan(prepared.plan))
        for deviation in prepared.plan.deviations { bus.publish(.limit(deviation)) }
        let writer: LogWriter
        do throws(Errno) {
            writer = try LogWriter(limit: configuration.policy.logs.stepBytes.bytes)
        } catch {
            throw RunError(
                .failure,
                "a thread that writes logs cannot be started: \(error). Raise the limit of processes (ulimit -u)")
        }
        self.writer = writer
        let commitRelief = tree.map { CommitRelief($0, memory: machine.memory, loop: loop, bus: bus) }
        startGuardian()
        if let guardianTrouble { bus.publish(.error(guardianTrouble)) }
        let report = await withCheckedContinuation { (continuation: CheckedContinuation<RunResult, Never>) in
            let supervisor = RunSupervisor(
                prepared, options: configuration.options, loop: loop, bus: bus, starter: starter,
                questioner: questioner, writer: writer, directory: directory, guardian: guardian,
                locks: foreignLocks(), window: windowGate, lessons: lessons, commitRelief: commitRelief
            ) { report in continuation.resume(returning: report) }
            self.supervisor = supervisor
            let brake = makeBrake(supervisor)
            self.brake = brake
            if control?.isPaused == true { _ = pause() }
            govern()
            do throws(Errno) {
                try supervisor.start()
            } catch {
                // Without it a full log is noticed late; nothing else depends on it.
                bus.publish(
                    .error("whether logs can be written cannot be watched: \(error); a full disk is noticed late"))
            }
        }
        governance?.stop()
        governance = nil
        brake = nil
        supervisor = nil
        keepLessons()
        publishEnd(report)
        guardian?.terminalIsInactive()
        writer.stop(limit: .seconds(30))
        readers.finish()
        // The journal is on disk before the run counts as over; displays may be slower than that.
        await readers.journal?.ended()
        return report
    }

    /// Removes the logs of old runs, as the policy says; for the end of a run.
    /// - Returns: what went wrong, as sentences without a full stop.
    public func removeOldLogs() -> [String] {
        let places = configuration.places
        let reports = (try? readPredecessorReports(in: places.state, current: run)) ?? []
        let guarded = Set(reports.filter(\.isGuardianAtWork).map(\.run))
        let retention = LogRetention(directory: "\(places.logs)/runs", settings: configuration.policy.logs) { run in
            guarded.contains(run) || run.processID.map(processExists) ?? false
        }
        return retention.apply(now: calendarTime())
    }

    var tree: CgroupTree? { if case .tree(let tree) = site { tree } else { nil } }

    /// Before the first process is started; once.
    private func startGuardian() {
        guard guardian == nil, guardianTrouble == nil else { return }
        guard let program = configuration.places.guardian else {
            guardianTrouble =
                "update-all-guardian is missing beside this program: should update-all be killed, its steps go on"
            return
        }
        var groups: (steps: String, run: String)?
        if case .tree(let tree) = site { groups = (tree.stepsDirectory, tree.mount + tree.path) }
        let state = isWritable(configuration.places.state) ? configuration.places.state : temporaryRoot ?? "/tmp"
        do {
            guardian = try Guardian(
                run: GuardianMessage.Run(
                    id: run, stepsGroup: groups?.steps, runGroup: groups?.run, stateDirectory: state),
                // To systemd the scope has somebody who is asked, so that it sends a commit no signal after our death.
                keepingOpen: tree?.transientScope?.descriptor,
                loop: loop,
                start: { [orphans] socket in try launchGuardian(program, socket: socket, orphans: orphans) },
                onFailure: { [unowned self] text in
                    assumeIsolated { $0.bus.publish(.error(text)) }
                })
            tellGuardianOfTerminal()
        } catch {
            guardianTrouble = "the guardian cannot be started: \(error). Should update-all be killed, its steps go on"
        }
    }

    private func publishEnd(_ report: RunResult) {
        var counts: [Outcome: Int] = [:]
        for outcome in report.outcomes.values { counts[outcome, default: 0] += 1 }
        let wall = monotonicTime() - runStart
        var metrics = Metrics(wallSeconds: wall.inSeconds)
        if case .tree(let tree) = site { metrics = tree.metrics(wall: wall) }
        bus.publish(
            .runEnd(
                RunEnd(success: report.outcomes.values.allSatisfy(\.isSuccess), counts: counts, metrics: metrics)))
    }

    // MARK: Signals

    private func received(_ signal: ReceivedSignal) {
        switch signal.number {
        case SIGCHLD:
            orphans?.reap()
        case SIGTSTP:
            standStill()
        case SIGHUP:
            // The run goes on without a terminal; whoever logs in again finds it in the logs.
            bus.publish(.error("the terminal was closed; the run goes on"))
        default:
            cancel(signal: signal.number)
        }
    }

    /// Ctrl-Z: the terminal is left in order, the steps go on until their pipes are full.
    private func standStill() {
        readers.suspend()
        guardian?.terminalIsInactive()
        kill(getpid(), SIGSTOP)
        // Here again after SIGCONT.
        tellGuardianOfTerminal()
        readers.resume()
    }
}
