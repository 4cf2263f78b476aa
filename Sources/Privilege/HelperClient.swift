// The helper as update-all uses it: what starts processes, and what keeps the groups they are in.

import Cgroups
import Glibc
import HelperProtocol
import Launching
import LinuxSystem
import Spawning
import SystemPackage
import UpdateModel

/// Starts steps through the helper, in groups that the helper has made.
public final class HelperClient: Launcher, GroupKeeper, Sendable {
    let connection: HelperConnection
    private let site: HelperReply.Site

    init(_ connection: HelperConnection, _ site: HelperReply.Site) {
        self.connection = connection
        self.site = site
    }

    /// The groups of the run, which are root's.
    public func tree() throws(CgroupError) -> CgroupTree {
        try CgroupTree(
            keptBy: self, mount: site.mount, path: site.path, controllers: site.controllers,
            missingControllerReason: site.missingControllerReason, missingControlFiles: site.missingControlFiles)
    }

    /// The run is over: the groups go, and the helper.
    public func finish() { _ = try? connection.ask(.finish) }

    // MARK: Processes

    public func begin(
        _ request: LaunchRequest, streams: StandardStreams, for purpose: LaunchPurpose?,
        beforeStart: (_ outputs: [CInt]) -> Void
    ) throws(LaunchError) -> LaunchedProcess {
        func error(_ attempt: String, _ errno: Errno, _ advice: String = "") -> LaunchError {
            LaunchError(
                executable: request.executable, stage: .prepare, attempt: attempt, errno: errno, advice: advice)
        }
        guard let purpose, let terminal = HelperLaunch.Terminal(streams) else {
            throw error("start through update-all-helper what is no step", .invalidArgument)
        }
        let ends = try StreamEnds.make(streams, of: request.executable)
        beforeStart(ends.outputs)
        let handed = ends.ofProcess
        let outputs = terminal == .none ? [handed.output, handed.errors] : [handed.output]
        let record = purpose.exitRecord.map { [$0] } ?? []
        let opened = request.program.map { [$0.descriptor.raw] } ?? []
        var launch = HelperLaunch(
            group: purpose.group, program: Self.program(request, purpose), terminal: terminal,
            hasExitRecord: !record.isEmpty, nice: request.nice.map { Int32(clamping: $0) },
            isIdle: request.scheduling == .idle, noNewPrivileges: request.noNewPrivileges)
        launch.hasProgram = !opened.isEmpty
        let answer: (reply: HelperReply, descriptors: [CInt])
        do {
            answer = try connection.ask(.launch(launch), descriptors: outputs + record + opened)
        } catch let failure {
            throw error("have it started as root (\(failure))", failure.errno)
        }
        switch answer.reply {
        case .launched(let process):
            return LaunchedProcess(Process(connection, process, answer.descriptors[0]), pid: process, ends)
        case .notLaunched(let failure):
            throw LaunchError(failure)
        default:
            throw error("understand update-all-helper", .protocolNotSupported, "it is of another build")
        }
    }

    private static func program(_ request: LaunchRequest, _ purpose: LaunchPurpose) -> HelperLaunch.Program {
        guard request.identity?.user == 0 else {
            return .own(
                executable: request.executable, arguments: request.arguments, environment: request.environment,
                directory: request.directory)
        }
        return .plugin(
            executable: purpose.executable, isDryRun: purpose.isDryRun,
            hints: HelperLaunch.Hints(
                cpus: purpose.cpus.map { Int32(clamping: $0) }, memory: purpose.memory?.bytes,
                downloadRate: purpose.downloadRate?.bytes))
    }

    /// A process that is the helper's child. Lives on the event loop's thread.
    final class Process: RemoteProcess {
        private let connection: HelperConnection
        private let process: Int32
        private let descriptor: OwnedDescriptor
        private(set) var failure: LaunchError?

        /// - Parameter descriptor: a pidfd, which it owns from now on.
        init(_ connection: HelperConnection, _ process: Int32, _ descriptor: CInt) {
            self.connection = connection
            self.process = process
            self.descriptor = OwnedDescriptor(owning: descriptor)
        }

        var pidfd: CInt { descriptor.raw }

        func reap() throws(Errno) -> Exit? {
            let reply: HelperReply
            do { reply = try connection.ask(.reap(process: process)).reply } catch { throw error.errno }
            guard case .ended(let ending) = reply else { return nil }
            failure = ending.failure.map { LaunchError($0) }
            return Exit(
                cause: ending.isSignal ? .signal(ending.status) : .code(ending.status),
                cpuUser: .microseconds(ending.userTime), cpuSystem: .microseconds(ending.systemTime),
                peakResident: ByteCount(ending.peakResident))
        }

        func signal(_ number: Int32) throws(Errno) {
            do { _ = try connection.ask(.signal(process: process, number: number)) } catch { throw error.errno }
        }
    }

    // MARK: Groups

    public func make(_ group: StepGroup, limits: [ControlWrite]) throws(CgroupError) -> AppliedLimits {
        do {
            return try applied(.makeGroup(group, limits))
        } catch {
            throw CgroupError(
                attempt: "create the group", path: path(of: .step(group)), errno: error.errno, advice: "\(error)")
        }
    }

    public func apply(_ limits: [ControlWrite], to place: GroupPlace) -> AppliedLimits {
        if limits.isEmpty { return AppliedLimits() }
        do throws(HelperError) {
            return try applied(.limit(place, limits))
        } catch {
            return AppliedLimits(
                deviations: limits.map {
                    LimitDeviation(control: $0.file, requested: $0.value, effective: nil, reason: "\(error)")
                })
        }
    }

    private func applied(_ request: HelperRequest) throws(HelperError) -> AppliedLimits {
        guard case .applied(let applied, let deviations) = try connection.ask(request).reply else {
            throw .lost("its answer is none")
        }
        return AppliedLimits(applied: applied, deviations: deviations)
    }

    public func kill(_ place: GroupPlace) throws(CgroupError) {
        try change("kill the processes of", place, .kill(place))
    }

    public func freeze(_ place: GroupPlace, _ isFrozen: Bool) throws(CgroupError) {
        precondition(place == .steps, "only all unprotected steps together are frozen")
        try change(isFrozen ? "freeze" : "thaw", place, .freeze(isFrozen))
    }

    public func signal(_ number: Int32, to place: GroupPlace) {
        if case .step(let group) = place { _ = try? connection.ask(.signalAll(group, number: number)) }
    }

    public func remove(_ place: GroupPlace) throws(CgroupError) {
        if case .step(let group) = place { try change("remove the group", place, .remove(group)) }
    }

    private func change(_ attempt: String, _ place: GroupPlace, _ request: HelperRequest) throws(CgroupError) {
        do {
            _ = try connection.ask(request)
        } catch {
            throw CgroupError(attempt: attempt, path: path(of: place), errno: error.errno, advice: "\(error)")
        }
    }

    private func path(of place: GroupPlace) -> String {
        let run = site.mount + site.path
        return switch place {
        case .run: run
        case .steps: "\(run)/steps"
        case .protected: "\(run)/protected"
        case .step(let group): "\(run)/\(group.isProtected ? "protected" : "steps")/\(group.name)"
        }
    }
}

extension LaunchError {
    init(_ failure: HelperReply.LaunchFailure) {
        self.init(
            executable: failure.executable, stage: LaunchStage(rawValue: UInt32(failure.stage)) ?? .prepare,
            attempt: failure.attempt, errno: Errno(rawValue: failure.errno), advice: failure.advice)
    }
}

extension HelperLaunch.Terminal {
    /// `nil` where no step has such streams.
    fileprivate init?(_ streams: StandardStreams) {
        switch streams {
        case .pipes: self = .none
        case .outputTerminal: self = .output
        case .terminal: self = .controlling
        case .dialogue, .service: return nil
        }
    }
}
