// Looks at all that a run uses, by using it the way a run does: makes groups, starts a process in one, writes where a run
// writes. All of it is removed again.

import Cgroups
import Configuration
import Glibc
import Launching
import LinuxSystem
import PluginManifests
import Policy
import Privilege
import Reactor
import RunModel
import RunPolicy
import Spawning
import Streams
import SystemPackage
import Systemd
import UpdateModel

/// What an examination is about.
public struct Examination {
    private let places: Places
    private let environment: [String: String]
    /// This program: what is started to see whether processes can be.
    private let program: String
    private var diagnosis = Diagnosis(hostName: machineName(), isRoot: geteuid() == 0)
    private var machine = MachineFacts.current()
    /// The groups of a run, while they are there.
    private var tree: CgroupTree?

    public init(_ places: Places, environment: [String: String], program: String) {
        self.places = places
        self.environment = environment
        self.program = program
    }

    /// - Parameters:
    ///   - configurationFile: `--config`.
    ///   - commandLine: what options say, `--policy` among them.
    ///   - assignments: `--set`.
    public mutating func run(
        configurationFile: String?, commandLine: Configuration, assignments: [String]
    ) -> Diagnosis {
        examineProcesses()
        examineGroups()
        examineResources()
        examineTerminal()
        examineDirectories()
        let discovery = findPlugins(in: places.pluginDirectories)
        diagnosis.plugins = discovery.plugins.count
        diagnosis.pluginFaults = discovery.problems.map(\.description)
        let configuration = examineConfiguration(configurationFile, commandLine, discovery.plugins)
        let enabled = discovery.plugins.filter { configuration?.whyDisabled($0) == nil }
        let policy = examinePolicy(configuration, assignments, enabled)
        removeGroups()
        diagnosis.elevation = Elevation.available(configuration?.elevation?.value, helper: places.helper)?.program
        diagnosis.rootPlugins = enabled.filter { needsRoot($0, policy) }.map(\.name)
        examineLocks(enabled)
        examineTrust(enabled, policy)
        for case .disk(let number) in diagnosis.disks.values {
            diagnosis.diskNames[number] = deviceName(of: number)
        }
        return diagnosis
    }

    /// Whether a plugin runs as root, or its sudo may have something run so.
    private func needsRoot(_ plugin: DiscoveredPlugin, _ policy: MergedPolicy?) -> Bool {
        guard let manifest = plugin.manifest else { return false }
        if manifest.runAs == .root { return true }
        let allowed = policy?.sudoPrograms(plugin.name, .execute, on: machine, isRoots: diagnosis.isRoot) ?? []
        return !SudoProgram.common(manifest.sudoPrograms ?? [], allowed).isEmpty
    }

    // MARK: Processes and groups

    private mutating func examineProcesses() {
        do throws(Errno) {
            _ = try openProcess(getpid())
        } catch {
            diagnosis.pidfdRefusal = "\(error)"
        }
        do throws(Errno) {
            try becomeSubreaper()
        } catch {
            diagnosis.subreaperRefusal = "\(error)"
        }
        diagnosis.guardian = places.guardian
        diagnosis.sudo = ProgramLookup(path: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").path(of: "sudo")
    }

    private mutating func examineGroups() {
        if let found = try? CgroupEnvironment.current() {
            diagnosis.groups.hasSystemd = found.hasSystemd
            diagnosis.groups.mount = found.hierarchy.mount
            diagnosis.groups.hierarchy =
                switch found.hierarchy {
                case .unified: .unified
                case .hybrid: .hybrid
                case .none: .none
                }
        }
        let run = RunID(start: calendarTime(), processID: getpid())
        let site = CgroupTree.prepare(run: run)
        machine.take(site)
        do throws(DownloadLimitRefusal) {
            // What counts is that the kernel takes the rule.
            try DownloadLimit(ByteCount(1 << 30), for: run, in: site).end()
        } catch {
            machine.downloadLimitRefusal = error.reason
        }
        diagnosis.downloadLimitRefusal = machine.downloadLimitRefusal
        diagnosis.groups.reason = machine.missingControllerReason
        diagnosis.groups.controllers = machine.controllers
        diagnosis.groups.missingFiles = machine.missingControlFiles
        guard case .tree(let tree) = site else {
            diagnosis.launch = launch(in: nil)
            return
        }
        self.tree = tree
        let parent = tree.path.prefix(upTo: tree.path.lastIndex(of: "/") ?? tree.path.startIndex)
        diagnosis.groups.place = parent.isEmpty ? "/" : String(parent)
        do throws(CgroupError) {
            let step = StepID(PluginName("doctor")!, .check)
            let leaf = try tree.makeLeaf(step, isProtected: false, limits: [])
            diagnosis.launch = launch(in: leaf)
            try leaf.remove()
        } catch {
            diagnosis.launch = .failed(reason: "\(error)")
        }
        for file in ["cgroup.freeze", "cgroup.kill"] where !fileExists("\(tree.stepsDirectory)/\(file)") {
            diagnosis.groups.missingFiles.insert(file)
        }
        do throws(CgroupError) {
            try tree.freezeSteps(true)
            try tree.freezeSteps(false)
        } catch {
            diagnosis.groups.freezeRefusal = "\(error)"
        }
    }

    private mutating func removeGroups() {
        try? tree?.remove()
        tree = nil
    }

    /// Starts this program, which says its version and ends.
    private func launch(in leaf: Leaf?) -> Diagnosis.Launch {
        do {
            let request = LaunchRequest(
                executable: program, arguments: ["--version"], environment: [], directory: "/", leaf: leaf)
            let process = try InProcessLauncher().launch(request)
            var end = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
            guard poll(&end, 1, 10_000) == 1 else {
                try signalProcess(process.pidfd, SIGKILL)
                return .failed(reason: "a process that only says its version did not end within 10 s")
            }
            _ = try reapProcess(process.pidfd)
            if leaf == nil { return .withoutGroup }
            return switch process.method {
            case .cloneIntoGroup: .intoGroup
            case .cloneThenMove: .thenMoved
            case .oldCloneThenMove: .withoutClone3
            }
        } catch {
            return .failed(reason: "\(error)")
        }
    }

    // MARK: Resources and places

    private mutating func examineResources() {
        diagnosis.pressure = resourcesWithPressure()
        diagnosis.swap = (try? machineSwap()) ?? nil
        diagnosis.disks["/"] = lookUpDisk("/")
    }

    private mutating func examineTerminal() {
        do throws(Errno) {
            _ = try PseudoTerminal(size: TerminalSize(rows: 24, columns: 80))
        } catch {
            diagnosis.terminalRefusal = "\(error)"
        }
    }

    private mutating func examineDirectories() {
        let uses =
            places.state == places.logs
            ? [("state, logs", places.state)] : [("state", places.state), ("logs", places.logs)]
        for (use, path) in uses {
            diagnosis.directories.append(Diagnosis.Directory(use: use, path: path, refusal: whyUnwritable(path)))
        }
        let locks = MutexLocks(user: "")
        diagnosis.mutexes = Diagnosis.Directory(
            use: "mutexes", path: MutexLocks.defaultPath,
            refusal: locks.place == nil ? "it cannot be made or opened" : nil)
    }

    /// Makes the directory as a run does, and writes a page to it: a full disk lets files be made.
    private func whyUnwritable(_ path: String) -> String? {
        let file = "\(path)/.doctor-\(getpid())"
        do {
            try makeDirectories(path, mode: places.isSystemWide ? 0o755 : 0o700)
            defer { unlink(file) }
            let output = try openFile(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try writeAll(output.raw, [UInt8](repeating: 0, count: 4096))
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: Files that people write

    private mutating func examineConfiguration(
        _ file: String?, _ commandLine: Configuration, _ plugins: [DiscoveredPlugin]
    ) -> Configuration? {
        do throws(RunError) {
            let configuration = try loadConfiguration(places, file: file, commandLine: commandLine)
            diagnosis.configurationFaults = configuration.findings(about: plugins).errors.map(\.description)
            return configuration
        } catch {
            diagnosis.configurationFaults = error.lines
            return nil
        }
    }

    private mutating func examinePolicy(
        _ configuration: Configuration?, _ assignments: [String], _ plugins: [DiscoveredPlugin]
    ) -> MergedPolicy? {
        do throws(RunError) {
            let policy = try loadPolicy(places, configuration ?? Configuration(), assignments: assignments)
            for path in policy.ioPaths { machine.disks[path] = lookUpDisk(path) }
            diagnosis.disks.merge(machine.disks) { $1 }
            diagnosis.policyName = policy.name
            diagnosis.requiresLimits = policy.enforcement == .required
            diagnosis.protection = policy.protection
            diagnosis.waitTimeout =
                plugins.map { policy.step($0.name, .execute, on: machine).waitTimeout }.min()
                ?? diagnosis.waitTimeout
            diagnosis.deviations = Planner.deviations(of: policy, for: plugins, on: machine)
            diagnosis.deviations +=
                refusedRunLimits(policy) + [Governance.blindness(of: policy.protection)].compactMap(\.self)
            return policy
        } catch {
            diagnosis.policyFaults = error.lines
            return nil
        }
    }

    /// What the kernel takes of the run's limits only when they are written.
    private func refusedRunLimits(_ policy: MergedPolicy) -> [LimitDeviation] {
        guard let tree else { return [] }
        let limits = policy.run(on: machine).limits
        func writes(_ role: GroupRole) -> [ControlWrite] { controlWrites(for: limits, of: role, on: machine).writes }
        let inForce = tree.applyRunLimits(
            run: writes(.run), steps: writes(.branch), protected: writes(.protectedBranch))
        return [inForce.run, inForce.steps, inForce.protected].flatMap(\.deviations)
    }

    /// The files that plugins' manifests name; those that are not there are nobody's.
    private mutating func examineLocks(_ plugins: [DiscoveredPlugin]) {
        diagnosis.sudoPlugins = plugins.filter { !($0.manifest?.sudoPrograms ?? []).isEmpty }.map(\.name)
        var users: [String: Set<PluginName>] = [:]
        for plugin in plugins {
            for path in (plugin.manifest?.locks ?? [:]).values.joined() { users[path, default: []].insert(plugin.name) }
        }
        diagnosis.locks = users.keys.sorted().filter { fileExists($0) }.map { path in
            Diagnosis.LockedFile(
                path: path, plugins: users[path, default: []].sorted(), holder: ForeignLocks.holder(ofFile: path))
        }
    }

    private mutating func examineTrust(_ plugins: [DiscoveredPlugin], _ policy: MergedPolicy?) {
        let personas: Personas
        do throws(RunError) {
            personas = try Personas(environment: environment)
        } catch {
            diagnosis.untrusted = error.lines
            return
        }
        for plugin in plugins {
            let runAs = policy?.step(plugin.name, .execute, on: machine).runAs ?? plugin.manifest?.runAs
            if let refusal = personas.refusal(of: plugin, as: runAs ?? .invokingUser) {
                diagnosis.untrusted.append("\(plugin.name): \(refusal)")
            }
        }
    }
}

extension Personas {
    /// Why a plugin cannot run as the account it is for, or could not even if we were root. That we are not is no reason.
    fileprivate func refusal(of plugin: DiscoveredPlugin, as runAs: RunAs) -> String? {
        do throws(PersonaRefusal) {
            _ = try persona(runAs, for: plugin)
            return nil
        } catch {
            if error.outcome != .needsAuth { return error.reason }
            return runAs == .root ? distrust(plugin) : nil
        }
    }
}

extension RunError {
    fileprivate var lines: [String] { description.split(separator: "\n").map(String.init) }
}
