// A run that has begun: its groups, its processes, its private directories, all of them root's.

import Cgroups
import Glibc
import HelperProtocol
import LinuxSystem
import PluginInvocation
import Spawning
import SystemPackage
import SystemdCommands
import UpdateModel

final class OpenRun {
    let tree: CgroupTree
    let rights: Rights
    private let id: RunID
    private let caller: Caller
    private let spawner: Spawner
    /// What no step can have, since none asked for it when the run began.
    private let withheld: CapabilitySet
    private let root: Account
    /// Below it each step that runs as root has a directory of its own.
    private let directory: String
    private var groups: [StepGroup: Leaf] = [:]
    private var processes: [pid_t: Process] = [:]

    private struct Process {
        let child: ChildProcess
        let group: StepGroup
        /// The only signal that a commit of root's takes; `nil`: it takes any.
        let onlySignal: Int32?
        let isRoots: Bool
    }

    /// More groups and processes at a time are not had.
    private static let most = 512

    init(_ id: RunID, for caller: Caller) throws {
        self.id = id
        self.caller = caller
        switch CgroupTree.prepare(run: id, startScope: CommandedScope.start) {
        case .tree(let tree): self.tree = tree
        case .unavailable(let reason):
            throw Refusal(
                reason: "root gets no control groups here, without which a person's limits could not be kept:"
                    + " \(reason); else run update-all as root")
        }
        do {
            rights = try Rights(
                controllers: tree.controllers, missingControlFiles: tree.missingControlFiles,
                missingReason: tree.missingControllerReason)
            try tree.enter()
            guard let root = try Account.numbered(0) else { throw Refusal(reason: "root has no account here") }
            self.root = root
            withheld = try Confinement.begin(for: rights.capabilitiesOfSteps())
            spawner = try Spawner()
            RunDirectories.sweep()
            directory = RunDirectories.path(of: id)
            try makeDirectory(directory, mode: 0o700)
        } catch {
            tree.leave()
            try? tree.remove()
            throw error
        }
        _ = tree.applyRunLimits(
            run: rights.ceiling(of: .run), steps: rights.ceiling(of: .steps),
            protected: rights.ceiling(of: .protected))
    }

    var site: HelperReply.Site {
        HelperReply.Site(
            mount: tree.mount, path: tree.path, controllers: tree.controllers,
            missingControllerReason: tree.missingControllerReason.fitting(HelperReply.maximumTextSize),
            missingControlFiles: tree.missingControlFiles)
    }

    /// Gives back what `init` took; what the kernel does not let go yet is swept by a later run of root's.
    func close() {
        tree.leave()
        try? tree.remove()
        try? removeTree(directory)
    }

    // MARK: Groups

    /// With what the administrator's limits are where nobody asked for tighter ones.
    func make(_ group: StepGroup, _ writes: [ControlWrite]) throws -> HelperReply {
        guard groups.count < Self.most else { throw Refusal(reason: "\(Self.most) steps are under way already") }
        guard groups[group] == nil else { throw Refusal(reason: "the group \(group.name) is there already") }
        try rights.check(writes, for: .step(group))
        let others = rights.ceiling(of: .step(group)).filter { limit in
            !writes.contains { $0.concernsSame(as: limit) }
        }
        let leaf = try tree.makeLeaf(
            group.step, attempt: Int(group.attempt), isProtected: group.isProtected, limits: others + writes)
        groups[group] = leaf
        return applied(AppliedLimits(applied: leaf.applied, deviations: leaf.deviations))
    }

    func limit(_ place: GroupPlace, _ writes: [ControlWrite]) throws -> HelperReply {
        try rights.check(writes, for: place)
        switch place {
        case .run: return applied(tree.changeRun(writes))
        case .steps: return applied(tree.changeSteps(writes))
        case .protected: return applied(tree.changeProtected(writes))
        case .step(let group): return applied(try leaf(group).change(writes))
        }
    }

    private func applied(_ limits: AppliedLimits) -> HelperReply {
        .applied(
            limits.applied,
            deviations: limits.deviations.map { deviation in
                LimitDeviation(
                    control: deviation.control, requested: deviation.requested.fitting(255),
                    effective: deviation.effective.map { $0.fitting(255) },
                    reason: deviation.reason.fitting(HelperReply.maximumTextSize))
            })
    }

    func kill(_ place: GroupPlace) throws {
        if place.hasCommits { throw Refusal(reason: "commits are never killed") }
        switch place {
        case .steps: try tree.killSteps()
        case .step(let group): try leaf(group).kill()
        case .run, .protected: break
        }
    }

    func signalAll(_ group: StepGroup, _ number: Int32) throws {
        if group.isProtected, processes.values.contains(where: { $0.group == group && $0.isRoots }) {
            throw Refusal(reason: "of a commit only the main process is signalled")
        }
        try leaf(group).signal(number)
    }

    func remove(_ group: StepGroup) throws {
        try leaf(group).remove()
        groups[group] = nil
        try? removeTree(temporaryDirectory(of: group))
    }

    private func leaf(_ group: StepGroup) throws -> Leaf {
        guard let leaf = groups[group] else { throw Refusal(reason: "there is no group \(group.name)") }
        return leaf
    }

    private func temporaryDirectory(of group: StepGroup) -> String { "\(directory)/\(group.name)" }

    // MARK: Processes

    func launch(_ launch: HelperLaunch, _ descriptors: [CInt]) throws -> (HelperReply, CInt?) {
        guard processes.count < Self.most else { throw Refusal(reason: "\(Self.most) processes are under way already") }
        let leaf = try leaf(launch.group)
        var request: LaunchRequest
        var onlySignal: Int32?
        let isRoots: Bool
        switch launch.program {
        case .plugin(let executable, let isDryRun, let hints):
            isRoots = true
            (request, onlySignal) = try pluginRequest(launch, executable, isDryRun: isDryRun, hints)
        case .own(let executable, let arguments, let environment, let directory):
            isRoots = false
            request = LaunchRequest(
                executable: executable, arguments: arguments, environment: environment, directory: directory, leaf: nil)
            request.identity = Identity(caller.account)
            request.noNewPrivileges = launch.noNewPrivileges
        }
        request.leaf = leaf
        request.nice = launch.nice.map { Int($0) }
        // A person may not have what they could not give themselves.
        if let nice = request.nice, nice < 0 { throw Refusal(reason: "only root gives a step more than others have") }
        if launch.isIdle {
            request.scheduling = .idle
            request.ioPriority = .idle
        }
        let isControlling = launch.terminal == .controlling
        let streams = ProcessStreams(
            input: isControlling ? descriptors[0] : nil, output: descriptors[0],
            errors: launch.terminal == .none ? descriptors[1] : descriptors[0], isControllingTerminal: isControlling)
        let further = descriptors.dropFirst(launch.terminal == .none ? 2 : 1)
        if launch.hasExitRecord, let record = further.first {
            request.extraDescriptors = [HandedDescriptor(source: record, target: 3)]
        }
        if launch.hasProgram, let program = further.last {
            request.program = OpenProgram(try duplicate(program))
            request.isWitness = launch.hasExitRecord
        }
        // Should the helper die, nobody could end it.
        if !launch.group.isProtected { request.deathSignal = SIGKILL }
        return start(request, streams, in: launch.group, onlySignal: onlySignal, isRoots: isRoots)
    }

    /// Runs what a step gave to its sudo, where the administrator lets the plugin's sudo run it.
    func sudo(_ command: HelperSudo, _ descriptors: [CInt]) throws -> (HelperReply, CInt?) {
        let leaf = try leaf(command.group)
        guard processes.values.count(where: { $0.group == command.group }) <= SudoCommand.mostAtOnce else {
            throw Refusal(reason: "\(SudoCommand.mostAtOnce) commands of \(command.group.step) are under way already")
        }
        let right = rights.sudo(of: command.group.step)
        var request: LaunchRequest
        let streams: ProcessStreams
        do throws(SudoRefusal) {
            (request, streams) = try SudoCommand(program: command.program, arguments: command.arguments).request(
                as: root, for: caller.account, right: right, descriptors: descriptors, leaf: leaf)
        } catch {
            throw Refusal(reason: error.reason)
        }
        if !command.group.isProtected { request.deathSignal = SIGKILL }
        // What its own step tells it counts, in a commit too: nobody else speaks for it.
        return start(request, streams, in: command.group, onlySignal: nil, isRoots: false)
    }

    private func start(
        _ request: LaunchRequest, _ streams: ProcessStreams, in group: StepGroup, onlySignal: Int32?, isRoots: Bool
    ) -> (HelperReply, CInt?) {
        let child: ChildProcess
        do throws(LaunchError) {
            child = try spawner.spawn(request, streams: streams)
        } catch {
            return (.notLaunched(Self.wire(error)), nil)
        }
        processes[child.pid] = Process(child: child, group: group, onlySignal: onlySignal, isRoots: isRoots)
        return (.launched(process: child.pid), child.pidfd.raw)
    }

    /// What the plugin's manifest and the administrator's policy make of a step.
    private func pluginRequest(
        _ launch: HelperLaunch, _ executable: String, isDryRun: Bool, _ hints: HelperLaunch.Hints
    ) throws -> (LaunchRequest, onlySignal: Int32?) {
        let step = launch.group.step
        let plugin = try rights.plugin(step, believedAt: executable)
        let settings = rights.settings(of: step)
        let isCommit = !isDryRun && plugin.manifest?.protectedPhases.contains(step.phase) ?? false
        guard isCommit == launch.group.isProtected else {
            throw Refusal(
                reason: "\(plugin.manifestPath ?? executable) says which phases are commits, and this is not so there")
        }
        if isDryRun, step.phase != .execute || !plugin.allowsDryRun {
            throw Refusal(reason: "\(plugin.manifestPath ?? executable) does not say dry_run = true")
        }
        let temporary = temporaryDirectory(of: launch.group)
        try makeDirectory(temporary, mode: 0o700)
        var context = InvocationContext(
            run: id, user: root.name, home: root.home, path: securePath, temporaryDirectory: temporary)
        context.hints.cpus = hints.cpus.map { Int($0) }
        context.hints.memory = hints.memory.map { ByteCount($0) }
        context.hints.downloadRate = hints.downloadRate.map { ByteCount($0) }
        if launch.terminal != .none { context.terminal = "xterm-256color" }
        let invocation = Invocation(PluginCommand(doing: step.phase), of: plugin, dryRun: isDryRun, in: context)
        var command = invocation.arguments
        if launch.hasExitRecord { command = try rights.witness(command) }
        var request = LaunchRequest(
            executable: command[0], arguments: Array(command.dropFirst()),
            environment: invocation.environment.map(\.description), directory: invocation.directory, leaf: nil)
        request.identity = Identity(root)
        request.noNewPrivileges = settings.noNewPrivileges
        do {
            let needs = plugin.manifest?.capabilities[step.phase] ?? []
            request.boundingSet = try CapabilitySet(names: settings.boundingSet(needs: needs))
        } catch {
            throw Refusal(reason: "\(error): mend \"capabilities\" in the policy")
        }
        if let late = request.boundingSet?.intersection(withheld), !late.isEmpty {
            throw Refusal(
                reason: "\(plugin.manifestPath ?? executable) did not ask for \(late.names.joined(separator: ", "))"
                    + " when the run began; run it again")
        }
        let stop = plugin.manifest?.stopSignal(for: step.phase)?.number
        return (request, isCommit ? stop ?? 0 : nil)
    }

    func signal(_ pid: pid_t, _ number: Int32) throws {
        let process = try process(pid)
        if let only = process.onlySignal, only != number {
            throw Refusal(reason: "\(process.group.step) is a commit, which takes no such signal")
        }
        try process.child.signal(number)
    }

    func reap(_ pid: pid_t) throws -> HelperReply {
        let process = try process(pid)
        guard let exit = try process.child.reap() else { return .running }
        processes[pid] = nil
        var ending = HelperReply.ProcessEnding(
            status: 0, isSignal: false, userTime: exit.cpuUser.microseconds, systemTime: exit.cpuSystem.microseconds,
            peakResident: exit.peakResident.bytes)
        switch exit.cause {
        case .code(let code): ending.status = code
        case .signal(let number): (ending.status, ending.isSignal) = (number, true)
        }
        ending.failure = process.child.failure(exit).map(Self.wire)
        return .ended(ending)
    }

    private func process(_ pid: pid_t) throws -> Process {
        guard let process = processes[pid] else { throw Refusal(reason: "\(pid) is no process that was started here") }
        return process
    }

    private static func wire(_ error: LaunchError) -> HelperReply.LaunchFailure {
        HelperReply.LaunchFailure(
            executable: error.executable, stage: UInt8(error.stage.rawValue),
            attempt: error.attempt.fitting(HelperReply.maximumTextSize), errno: error.errno.rawValue,
            advice: error.advice.fitting(HelperReply.maximumTextSize))
    }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
