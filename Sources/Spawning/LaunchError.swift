// Why a process could not be started: at which stage, what the system said, what to do.

import CLinux
import LinuxSystem
import SystemPackage

/// The steps between the wish and the running program, in their order.
public enum LaunchStage: UInt32, Hashable, Sendable, CaseIterable {
    // The numbers are those of `enum clx_stage`.
    case prepare = 1
    case clone, cgroup, signals, session, descriptors, terminal, oomScore, resourceLimits, nice, scheduling, ioPriority
    case boundingSet, groups, groupID, keepCapabilities, userID, capabilities, ambientSet, noNewPrivileges, verify
    case deathSignal, directory, close, execute, killed
}

/// A process that could not be started; nothing of it is left.
public struct LaunchError: Error, Hashable, CustomStringConvertible {
    public let executable: String
    public let stage: LaunchStage
    /// What was attempted at that stage, with its value: `become user 1000`.
    public let attempt: String
    public let errno: Errno
    /// What to do, as a clause.
    public let advice: String

    public init(executable: String, stage: LaunchStage, attempt: String, errno: Errno, advice: String) {
        self.executable = executable
        self.stage = stage
        self.attempt = attempt
        self.errno = errno
        self.advice = advice
    }

    public var description: String {
        let reason = stage == .killed ? "" : ": \(errno)"
        return "could not start \(executable): \(attempt)\(reason)" + (advice.isEmpty ? "" : " (\(advice))")
    }
}

extension LaunchError {
    init(_ request: LaunchRequest, _ result: clx_spawned) {
        let stage = LaunchStage(rawValue: UInt32(result.stage.rawValue)) ?? .prepare
        let errno = Errno(rawValue: result.error)
        self.init(
            executable: request.executable, stage: stage,
            attempt: Self.attempt(stage, request, signal: result.signal), errno: errno,
            advice: Self.advice(stage, errno, request))
    }

    private static func attempt(_ stage: LaunchStage, _ request: LaunchRequest, signal: Int32) -> String {
        let identity = request.identity
        let group = request.leaf?.path ?? ""
        return switch stage {
        case .prepare: "prepare the call"
        case .clone: request.leaf == nil ? "create a process" : "create a process in the group \(group)"
        case .cgroup: "enter the group \(group)"
        case .signals: "reset the signals"
        case .session: "begin a session"
        case .descriptors: "put its files in their places"
        case .terminal: "take its terminal"
        case .oomScore: "set oom_score_adj to \(request.oomScoreAdjust ?? 0)"
        case .resourceLimits: "set its resource limits"
        case .nice: "set nice level \(request.nice ?? 0)"
        case .scheduling: "set scheduling class \(request.scheduling)"
        case .ioPriority: "set the I/O priority"
        case .boundingSet: "drop capabilities from the bounding set"
        case .groups: "set groups \(identity?.groups.map(String.init).joined(separator: ",") ?? "")"
        case .groupID: "become group \(identity?.group ?? 0)"
        case .keepCapabilities: "keep capabilities"
        case .userID: "become user \(identity?.user ?? 0)"
        case .capabilities: "set capabilities"
        case .ambientSet: "raise ambient capabilities \(request.ambientSet.names.joined(separator: ","))"
        case .noNewPrivileges: "forbid new privileges"
        case .verify: "make sure that user \(identity?.user ?? 0) cannot become root again"
        case .deathSignal: "set the death signal"
        case .directory: "enter \(request.directory)"
        case .close: "close other files"
        case .execute: "execute it"
        case .killed: "signal \(signal) ended it before it ran"
        }
    }

    private static func advice(_ stage: LaunchStage, _ errno: Errno, _ request: LaunchRequest) -> String {
        let noMemory = "its group has no memory left for it: raise memory_max"
        return switch (stage, errno) {
        case (.clone, .resourceTemporarilyUnavailable), (.clone, .noMemory):
            "the machine, the user or the group is at its limit of processes: see ulimit -u and pids.max"
        case (.clone, .badFileDescriptor), (.clone, .noSuchFileOrDirectory), (.clone, .operationNotSupportedByDevice),
            (.cgroup, .noSuchFileOrDirectory), (.cgroup, .operationNotSupportedByDevice):
            "somebody removed the group while the run was under way"
        case (.clone, .permissionDenied), (.cgroup, .permissionDenied):
            "the group above it is not ours: start update-all as root or in a delegated group"
        case (.clone, .resourceBusy), (.cgroup, .resourceBusy), (.cgroup, .notSupported):
            "a group that hands controllers down takes no processes"
        case (.execute, .noSuchFileOrDirectory):
            fileExists(request.executable)
                ? "the interpreter in its first line, or its loader, is missing" : "there is no such file"
        case (.execute, .permissionDenied):
            "it must be executable for that user (chmod +x), on a file system that is not mounted noexec"
        case (.execute, .execFormatError):
            "it is no program of this machine, or a script without #! in its first line"
        case (.execute, .noMemory): noMemory
        case (.execute, .fileTooLarge), (.execute, .argListTooLong):
            // The kernel says the same where the group has no memory left for them.
            request.leaf?.hasRunOutOfMemory ?? false
                ? noMemory : "its arguments and environment are longer than the kernel takes"
        case (.execute, .textFileBusy):
            "somebody is writing it at this moment: try again"
        case (.directory, .permissionDenied), (.directory, .noSuchFileOrDirectory):
            "the directory must exist and be open to that user"
        case (.resourceLimits, .notPermitted), (.nice, .permissionDenied), (.oomScore, .permissionDenied),
            (.ioPriority, .notPermitted), (.scheduling, .notPermitted):
            "only root may raise it"
        case (.groups, .notPermitted), (.groupID, .notPermitted), (.userID, .notPermitted),
            (.boundingSet, .notPermitted), (.ambientSet, .notPermitted):
            "only root may do this"
        case (.userID, .resourceTemporarilyUnavailable):
            "that user is at the limit of processes"
        case (.prepare, .tooManyOpenFiles):
            "raise the limit of open files: ulimit -n"
        case (.killed, _):
            "its group was killed before, or the machine is out of memory: try again"
        default: ""
        }
    }
}
