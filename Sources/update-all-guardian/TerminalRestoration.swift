// A terminal whose display died with update-all.

import Glibc
import GuardianProtocol
import LinuxSystem

/// Makes a terminal sane again. The guardian is in another session, where the kernel asks for no foreground group and
/// sends no SIGTTOU (`tty_check_change` of drivers/tty/tty_jobctrl.c).
struct TerminalRestoration {
    let state: GuardianMessage.TerminalState
    let descriptors: Descriptors

    func restore() {
        guard let terminal = descriptors.all.first else { return }
        if isStillUpdateAlls, state.attributes.count == MemoryLayout<termios>.size {
            var attributes = state.attributes.withUnsafeBytes { $0.loadUnaligned(as: termios.self) }
            // Now, and not after the output: a terminal that is held by Ctrl-S would never get there.
            _ = tcsetattr(terminal, TCSANOW, &attributes)
        }
        // Harmless whoever has the terminal now. A held terminal takes nothing, and must not hold a commit.
        var writable = pollfd(fd: terminal, events: Int16(POLLOUT), revents: 0)
        if poll(&writable, 1, 0) == 1, writable.revents & Int16(POLLOUT) != 0 {
            _ = state.escapes.withUnsafeBytes { try? writeSome(terminal, $0) }
        }
    }

    /// Whether no shell has taken the terminal back. tcgetpgrp is refused from another session; /proc is not.
    private var isStillUpdateAlls: Bool {
        ProcessStatus(state.sessionLeader)?.foregroundGroup == state.foregroundGroup
    }
}
