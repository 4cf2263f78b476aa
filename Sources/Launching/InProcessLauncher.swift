// The launcher of this process.

import Spawning
import SystemPackage

/// Starts processes with the rights of this process, or with fewer.
///
/// It is to be made after all of its own rights have been settled, as `Spawner` says.
public final class InProcessLauncher: Launcher, Sendable {
    /// What it starts processes by.
    public let spawner: Spawner

    /// - Parameter method: the first way into a group that is tried, of those that the kernel may refuse.
    /// - Throws: where `/dev/null` cannot be opened.
    public init(method: LaunchMethod = .cloneIntoGroup) throws(Errno) { spawner = try Spawner(method: method) }

    public func begin(
        _ request: LaunchRequest, streams: StandardStreams, for purpose: LaunchPurpose?,
        beforeStart: (_ outputs: [CInt]) -> Void
    ) throws(LaunchError) -> LaunchedProcess {
        let ends = try StreamEnds.make(streams, of: request.executable)
        beforeStart(ends.outputs)
        return LaunchedProcess(try spawner.spawn(request, streams: ends.ofProcess), ends)
    }
}
