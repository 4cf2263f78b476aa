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
