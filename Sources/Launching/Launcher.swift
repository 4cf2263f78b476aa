// What starts processes: this process itself, or a helper that has more rights.

import Spawning
import UpdateModel

/// Starts processes, each in its group or not at all.
public protocol Launcher {
    /// Returns as soon as there is a process. It makes its way to the program by itself: in a group that has no CPU time left,
    /// or is frozen, that takes as long as it takes.
    /// - Parameters:
    ///   - purpose: what it is for, where it is a process of a step: a launcher with more rights than ours finds out by
    ///     itself what may be started for that.
    ///   - beforeStart: called with the descriptors from which its output will be read, before there is a process:
    ///     who must know of it whatever becomes of us is told now.
    func begin(
        _ request: LaunchRequest, streams: StandardStreams, for purpose: LaunchPurpose?,
        beforeStart: (_ outputs: [CInt]) -> Void
    ) throws(LaunchError) -> LaunchedProcess
}

extension Launcher {
    /// Returns when the program runs.
    public func launch(
        _ request: LaunchRequest, streams: StandardStreams = .pipes, for purpose: LaunchPurpose? = nil,
        beforeStart: (_ outputs: [CInt]) -> Void = { _ in }
    ) throws(LaunchError) -> LaunchedProcess {
        let process = try begin(request, streams: streams, for: purpose, beforeStart: beforeStart)
        try process.waitUntilItRuns()
        return process
    }
}

/// Which step a process is for, and what a plugin is told.
public struct LaunchPurpose: Sendable {
    public var group: StepGroup
    /// Of the plugin; the process may be one that runs it.
    public var executable: String
    public var isDryRun: Bool
    public var cpus: Int?
    public var memory: ByteCount?
    /// A second.
    public var downloadRate: ByteCount?
    /// In which the witness of a commit notes its exit.
    public var exitRecord: CInt?

    public init(group: StepGroup, executable: String, isDryRun: Bool = false) {
        self.group = group
        self.executable = executable
        self.isDryRun = isDryRun
    }
}
