// Who runs as root what steps give to their sudo: this process, where it is root, or a helper.

import Cgroups
import LinuxSystem
import Spawning
import UpdateModel

/// Runs commands of steps as root.
public protocol SudoRunner {
    /// Starts a command in the group of its step. Its streams are those of whoever called sudo.
    /// - Parameter descriptors: standard input, output and errors, and the working directory; they stay the caller's.
    func run(
        _ command: SudoCommand, right: SudoRight, in group: StepGroup, leaf: Leaf, descriptors: [CInt]
    ) throws(SudoRefusal) -> LaunchedProcess
}

/// For a process that is root itself.
public struct OwnSudoRunner: SudoRunner {
    private let launcher: InProcessLauncher
    private let root: Account
    private let caller: Account

    /// - Parameter caller: as whom the step runs.
    public init(_ launcher: InProcessLauncher, root: Account, caller: Account) {
        self.launcher = launcher
        self.root = root
        self.caller = caller
    }

    public func run(
        _ command: SudoCommand, right: SudoRight, in group: StepGroup, leaf: Leaf, descriptors: [CInt]
    ) throws(SudoRefusal) -> LaunchedProcess {
        let (request, streams) = try command.request(
            as: root, for: caller, right: right, descriptors: descriptors, leaf: leaf)
        do throws(LaunchError) {
            return LaunchedProcess(try launcher.spawner.spawn(request, streams: streams))
        } catch {
            throw SudoRefusal(error.description)
        }
    }
}
