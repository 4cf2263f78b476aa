// What a process of a plugin needs before it can start, in order, and how it is all taken back.

import Accounting
import Cgroups
import Glibc
import Launching
import LinuxSystem
import PluginInvocation
import PluginManifests
import Policy
import Reactor
import RunModel
import Spawning
import Streams
import SystemPackage
import UpdateModel

/// One process to be started for a step.
struct StepCommand: Sendable {
    var plugin: DiscoveredPlugin
    var step: StepID
    var command: PluginCommand
    var isDryRun = false
    /// From 1: each process of a step has a group of its own.
    var attempt = 1
    /// Of the tries before, those that ended for want of memory.
    var memoryRetries = 0
    /// No other step beside it.
    var isAlone = false
    var runAs: RunAs
    var settings: StepSettings
    /// Control writes of its group, in order.
    var limits: [ControlWrite]
    /// Control files whose limits must be in force for it to be started.
    var required: Set<String> = []
    /// Of what must be in force: what is known not to be before its group is made.
    var missing: [LimitDeviation] = []
    var hints = ResourceHints()
    var isProtected = false
    var stopSignal: Int32?
    var timeout: Duration?
    /// What its sudo runs; `nil`: it calls none, or the machine's.
    var sudo: SudoAccess?
    /// What is executed whatever the plugin's path leads to by now; `nil`: what is there.
    var program: OpenProgram?
    /// It is a program of the policy, not a plugin's.
    var hook: HookMoment?
    /// What a hook after the run is told of it.
    var runResult: String?

    /// The names of what it can have if it runs as root; `nil`: all that this process has. A hook is a program that the
    /// administrator's own policy names, for snapshots and mounts too: only the policy takes something from it.
    var boundingSet: [String]? {
        if hook != nil { return settings.capabilities }
        return settings.boundingSet(needs: plugin.manifest?.capabilities[step.phase] ?? [])
    }
}

/// Why a process was not started.
struct StartFailure: Error {
    var outcome: Outcome
    /// As a sentence without a full stop; it says what to do.
    var reason: String
    /// Required limits that are not in force.
    var missingLimits: [LimitDeviation] = []
}

extension StartFailure {
    /// The plan could not know: the kernel refused a limit, or made it another, when the step's own group was there.
    fileprivate init(missingLimits: [LimitDeviation]) {
        let list = missingLimits.map(\.asMissing).joined(separator: "; ")
        self.init(
            outcome: .failed,
            reason: "limits that the policy requires are not in force: \(list). "
                + "Mend that, or have the policy ask for what can be enforced: enforcement = \"preferred\"",
            missingLimits: missingLimits)
    }
}

extension LimitDeviation {
    /// As an error lists it.
    var asMissing: String {
        guard let effective else { return "\(control) = \(requested): \(reason)" }
        return "\(control) = \(requested) is \(effective): \(reason)"
    }
}

/// A process that runs, with what belongs to it.
final class StartedStep {
    let persona: Persona
    let leaf: Leaf?
    let group: ProcessGroup
    fileprivate let directory: PrivateStepDirectory
    fileprivate(set) var process: SupervisedProcess?
    private let directories: StepDirectories
    private let janitor: Janitor
    private let orphans: Orphans?
    private let sudo: SudoService?

    fileprivate init(
        persona: Persona, leaf: Leaf?, group: ProcessGroup, directory: PrivateStepDirectory,
        directories: StepDirectories, janitor: Janitor, orphans: Orphans?, sudo: SudoService?
    ) {
        self.sudo = sudo
        self.persona = persona
        self.leaf = leaf
        self.group = group
        self.directory = directory
        self.directories = directories
        self.janitor = janitor
        self.orphans = orphans
    }

    /// What it used: by its group, or where it has none by what the kernel counted for its main process.
    func metrics(wall: Duration) -> Metrics {
        if let leaf { return leaf.metrics(wall: wall) }
        var metrics = Metrics(wallSeconds: wall.inSeconds)
        metrics.cpuUserSeconds = process?.exit?.cpuUser.inSeconds
        metrics.cpuSystemSeconds = process?.exit?.cpuSystem.inSeconds
        metrics.memoryPeak = process?.exit?.peakResident
        return metrics
    }

    /// Has all that only this process needed removed, after its end. What cannot be removed stays for the sweep of the
    /// next run.
    func cleanUp(after end: ProcessLifecycle.End) {
        sudo?.close()
        if let process { orphans?.isNoLongerOurs(process.processID) }
        // Without a group nobody knows for certain that all have gone.
        directories.giveBack(directory, isDeserted: leaf != nil && !end.leftoversRemain)
        // To wake another thread would take longer than this one call.
        if let leaf, !leaf.removeAtOnce() { janitor.later { try? leaf.remove() } }
    }

    var temporaryDirectory: String { directory.path }
}

/// Starts processes of steps: the account, a private directory, the group with its limits, the process in it.
final class StepStarter {
    private let run: RunID
    private let loop: EventLoop
    private let launcher: any Launcher
    private let site: CgroupSite
    let personas: Personas
    let directories: StepDirectories
    private let proxies: Proxies
    private let isScheduled: Bool
    private let pluginSettings: [PluginName: [PluginSetting]]
    /// The guardian's program is also the witness of commits.
    private let witness: String?
    private let isWatched: Bool
    private let janitor: Janitor
    private let orphans: Orphans?
    /// A helper starts processes and keeps their groups, since we are not root.
    let isHelped: Bool
    /// Runs as root what steps give to their sudo; `nil`: nobody does.
    let sudo: SudoDesk?
    let sudoDirectory: String?
    /// Called once, before the first process is started.
    var willStartFirst: (() -> Void)?

    init(
        run: RunID, loop: EventLoop, launcher: any Launcher, site: CgroupSite, personas: Personas,
        temporaryRoot: String, environment: [String: String],
        pluginSettings: [PluginName: [PluginSetting]] = [:], witness: String?, isWatched: Bool, janitor: Janitor,
        orphans: Orphans?, isHelped: Bool = false, sudo: SudoDesk? = nil, sudoDirectory: String? = nil
    ) {
        self.isHelped = isHelped
        self.sudo = sudo
        self.sudoDirectory = sudoDirectory
        self.run = run
        self.loop = loop
        self.launcher = launcher
        self.site = site
        self.personas = personas
        directories = StepDirectories(in: temporaryRoot, janitor: janitor)
        proxies = Proxies(environment: environment)
        isScheduled = environment["UPDATE_ALL_SCHEDULED"] == "1"
        self.pluginSettings = pluginSettings
        self.witness = witness
        self.isWatched = isWatched
        self.janitor = janitor
        self.orphans = orphans
    }

    /// What a process will be found by, known before there is one.
    struct Beginning {
        /// Where its output will be read from.
        var outputs: [CInt]
        /// In the environment of all its processes as TMPDIR; `nil` where a group holds them.
        var temporaryDirectory: String?
    }

    /// - Parameters:
    ///   - exitRecord: an open file in which the exit of a commit is noted by a witness, should we not live to see it.
    ///   - beforeStart: called before there is a process, where there will be one.
    func start(
        _ command: StepCommand, output: any SupervisedProcess.Output, exitRecord: CInt? = nil,
        beforeStart: (Beginning) -> Void = { _ in },
        onNotice: @escaping (SupervisedProcess.Notice) -> Void,
        onEnd: @escaping (ProcessLifecycle.End) -> Void
    ) throws(StartFailure) -> StartedStep {
        willStartFirst?()
        willStartFirst = nil
        var command = command
        let persona: Persona
        do throws(PersonaRefusal) {
            persona = try personas.persona(command.runAs, for: command.plugin, isHelped: isHelped)
            command.program = try pinnedProgram(of: command.plugin, pin: command.settings.sha256)
        } catch {
            throw StartFailure(outcome: error.outcome, reason: error.reason)
        }
        let directory = try makeDirectory(for: persona)
        // Root's own sudo asks nobody.
        if persona.account.user == 0 { command.sudo = nil }
        do throws(StartFailure) {
            return try start(
                command, persona: persona, directory: directory, output: output, exitRecord: exitRecord,
                beforeStart: beforeStart, onNotice: onNotice, onEnd: onEnd)
        } catch {
            try? removeDirectory(directory.path)
            throw error
        }
    }

    private func start(
        _ command: StepCommand, persona: Persona, directory: PrivateStepDirectory, output: any SupervisedProcess.Output,
        exitRecord: CInt?, beforeStart: (Beginning) -> Void,
        onNotice: @escaping (SupervisedProcess.Notice) -> Void,
        onEnd: @escaping (ProcessLifecycle.End) -> Void
    ) throws(StartFailure) -> StartedStep {
        let leaf = try makeLeaf(for: command)
        var service: SudoService?
        do throws(StartFailure) {
            service = try openSudo(for: command, persona: persona, leaf: leaf)
            let missing = command.missing + (leaf?.deviations.filter { command.required.contains($0.control) } ?? [])
            if !missing.isEmpty { throw StartFailure(missingLimits: missing) }
            let process = try launch(
                command, persona: persona, directory: directory.path, leaf: leaf, sudo: service,
                exitRecord: exitRecord,
                beforeStart: { outputs in
                    beforeStart(
                        Beginning(outputs: outputs, temporaryDirectory: leaf == nil ? directory.path : nil))
                })
            orphans?.isOurs(process.pid)
            let group: ProcessGroup =
                if let leaf {
                    .leaf(leaf)
                } else {
                    .tracked(ProcessTracker(main: process.pid, mark: "UPDATE_ALL_PLUGIN_TMPDIR=\(directory.path)"))
                }
            let started = StartedStep(
                persona: persona, leaf: leaf, group: group, directory: directory, directories: directories,
                janitor: janitor, orphans: orphans, sudo: service)
            let rules = ProcessLifecycle.Rules(
                isProtected: command.isProtected, stopSignal: command.stopSignal,
                stopGrace: command.settings.stopGrace, timeout: command.settings.timeout ?? command.timeout,
                leftovers: command.settings.leftovers)
            do throws(Errno) {
                started.process = try SupervisedProcess(
                    process, group: group, rules: rules, output: output, loop: loop, onNotice: onNotice, onEnd: onEnd)
            } catch {
                orphans?.isNoLongerOurs(process.pid)
                throw StartFailure(
                    outcome: .failed,
                    reason: "it cannot be watched: \(error). Raise the limit of open files (ulimit -n)")
            }
            return started
        } catch {
            service?.close()
            try? leaf?.remove()
            throw error
        }
    }

    func group(of command: StepCommand) -> StepGroup {
        StepGroup(command.step, attempt: Int32(clamping: command.attempt), isProtected: command.isProtected)
    }

    private func makeDirectory(for persona: Persona) throws(StartFailure) -> PrivateStepDirectory {
        do throws(Errno) {
            // A helper gives root one of root's own.
            return try directories.take(for: persona.needsChange && !isHelped ? persona.account : nil)
        } catch {
            throw StartFailure(
                outcome: .failed,
                reason:
                    "its private directory in \(directories.root) cannot be made: \(error). "
                    + "Choose another place with --state-dir")
        }
    }

    /// - Returns: `nil` only where this machine has no groups for us at all, which the plan has said.
    private func makeLeaf(for command: StepCommand) throws(StartFailure) -> Leaf? {
        guard case .tree(let tree) = site else { return nil }
        do throws(CgroupError) {
            return try tree.makeLeaf(
                command.step, attempt: command.attempt, isProtected: command.isProtected, limits: command.limits)
        } catch {
            throw StartFailure(outcome: .failed, reason: "its control group cannot be had: \(error)")
        }
    }

    private func launch(
        _ command: StepCommand, persona: Persona, directory: String, leaf: Leaf?, sudo: SudoService?,
        exitRecord: CInt?, beforeStart: ([CInt]) -> Void
    ) throws(StartFailure) -> LaunchedProcess {
        let streams = streams(of: command)
        var invocation = invocation(
            of: command, persona: persona, directory: directory, usesTerminal: streams != .pipes)
        if let variable = sudoVariable(of: command, sudo, hasGroup: leaf != nil) { invocation.set(variable) }
        var arguments = Array(invocation.arguments.dropFirst())
        var executable = invocation.executable
        if exitRecord != nil, let witness {
            // A commit's exit is noted by its parent, so that it is known even if we die before.
            let witnessed = witnessCommand(
                [executable] + arguments, executable: witness, record: Self.recordTarget,
                program: command.program.map { _ in OpenProgram.number })
            (executable, arguments) = (witness, Array(witnessed.dropFirst()))
        }
        var request = LaunchRequest(
            executable: executable, arguments: arguments, environment: invocation.environment.map(\.description),
            directory: invocation.directory, leaf: leaf)
        request.program = command.program
        request.isWitness = exitRecord != nil && witness != nil
        if let exitRecord, witness != nil, !isHelped {
            request.extraDescriptors = [HandedDescriptor(source: exitRecord, target: Self.recordTarget)]
        }
        if persona.needsChange { request.identity = Identity(persona.account) }
        if persona.account.user == 0 { request.boundingSet = try command.boundingSet.map(capabilitySet) }
        request.noNewPrivileges = command.settings.noNewPrivileges
        request.nice = command.settings.nice
        // The group's cpu.idle does the same for the group; the process's own class serves where there is no group.
        if command.settings.limits.cpuWeight == .idle {
            request.scheduling = .idle
            request.ioPriority = .idle
        }
        do throws(LaunchError) {
            return try launcher.begin(
                request, streams: streams,
                for: isHelped ? purpose(of: command, exitRecord: witness == nil ? nil : exitRecord) : nil,
                beforeStart: beforeStart)
        } catch {
            throw StartFailure(outcome: .failed, reason: error.description)
        }
    }

    private func purpose(of command: StepCommand, exitRecord: CInt?) -> LaunchPurpose {
        var purpose = LaunchPurpose(
            group: group(of: command), executable: command.plugin.executable, isDryRun: command.isDryRun)
        purpose.cpus = command.hints.cpus
        purpose.memory = command.hints.memory
        purpose.downloadRate = command.hints.downloadRate
        purpose.exitRecord = exitRecord
        return purpose
    }

    /// A question's answer is read from a pipe. Otherwise, where the policy leaves it to us: a plugin that speaks the
    /// protocol tells of its progress itself; what does not is a program for people, and shows its own progress, line by
    /// line, where it finds a terminal.
    private func streams(of command: StepCommand) -> StandardStreams {
        let size = TerminalSize(rows: 24, columns: 80)
        guard command.step.phase != .check else { return .pipes }
        return switch command.settings.terminal {
        case .always: .terminal(size, controlling: true)
        case .auto where isWatched && !command.plugin.speaksProtocol: .outputTerminal(size)
        case .auto, .never: .pipes
        }
    }

    /// The number that the exit record has in the witness.
    private static let recordTarget: CInt = 3

    private func invocation(
        of command: StepCommand, persona: Persona, directory: String, usesTerminal: Bool
    ) -> Invocation {
        var context = InvocationContext(
            run: run, user: persona.account.name, home: persona.account.home,
            path: path(of: command, persona),
            temporaryDirectory: directory)
        context.isScheduled = isScheduled
        context.proxies = proxies
        context.hints = command.hints
        context.settings = pluginSettings[command.plugin.name] ?? []
        if usesTerminal { context.terminal = "xterm-256color" }
        var invocation = Invocation(command.command, of: command.plugin, dryRun: command.isDryRun, in: context)
        if let hook = command.hook { invocation.become(hook, runResult: command.runResult) }
        return invocation
    }

    private func capabilitySet(_ names: [String]) throws(StartFailure) -> CapabilitySet {
        do throws(CapabilitySet.UnknownName) {
            return try CapabilitySet(names: names)
        } catch {
            throw StartFailure(outcome: .failed, reason: "\(error): mend \"capabilities\" in the policy")
        }
    }

    /// Why no process of a plugin may be started as the account behind `runAs`; `nil` where it may.
    func refusal(of plugin: DiscoveredPlugin, as runAs: RunAs, pin: String?) -> PersonaRefusal? {
        do throws(PersonaRefusal) {
            _ = try personas.persona(runAs, for: plugin, pin: pin)
            return nil
        } catch {
            return error
        }
    }
}
