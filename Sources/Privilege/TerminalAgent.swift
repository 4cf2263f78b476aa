// Who asks on the terminal for polkit: pkttyagent, for this process and as the person. What pkexec has for that in itself
// cannot authenticate anybody before polkit 125, nor in 127: https://github.com/polkit-org/polkit/issues/686.

import Glibc
import LinuxSystem
import RunModel
import SystemPackage

/// An agent of polkit's, until this object is gone.
final class TerminalAgent {
    private let process: pid_t

    /// Longer it is not waited for until polkit knows of it. Milliseconds.
    private static let patience: CInt = 10_000

    /// `nil` where it is not installed, or cannot be started.
    init?() {
        let paths = ElevationMethod.directories.map { "\($0)/pkttyagent" }
        guard let program = paths.first(where: { access($0, X_OK) == 0 }), let ends = try? Pipe().ends() else {
            return nil
        }
        let announcement = OwnedDescriptor(owning: ends.read)
        let handed = OwnedDescriptor(owning: ends.write)
        // It closes the descriptor once polkit knows of it. Not as --fallback: polkit then wants to know a session of the
        // person's, which a login without PAM has none of, and asks nobody.
        let command = [program, "--notify-fd", "0"]
        guard let process = try? spawn(command, input: handed.raw, output: 2, inEnglish: false) else { return nil }
        self.process = process
        close(handed.release())
        var waiting = pollfd(fd: announcement.raw, events: Int16(POLLIN), revents: 0)
        _ = poll(&waiting, 1, Self.patience)
    }

    deinit {
        // The settings of the terminal are restored by who keeps them.
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
}
