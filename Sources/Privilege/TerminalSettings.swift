// What a program that asks for a password changes in the terminal, and may not live to give back.

import Glibc
import LinuxSystem

/// The line discipline's settings of our terminal.
struct TerminalSettings {
    private let saved: termios

    /// Those of now; `nil` where this process has no terminal, or is not in its foreground.
    static var current: TerminalSettings? {
        guard let terminal = try? foregroundTerminal() else { return nil }
        var attributes = termios()
        guard tcgetattr(terminal.raw, &attributes) == 0 else { return nil }
        return TerminalSettings(saved: attributes)
    }

    /// Gives them back, where this process is still in the foreground: otherwise the shell has restored its own.
    func restore() {
        guard let terminal = try? Self.foregroundTerminal() else { return }
        var attributes = saved
        while tcsetattr(terminal.raw, TCSADRAIN, &attributes) != 0 {
            if errno != EINTR { return }
        }
    }

    private static func foregroundTerminal() throws -> OwnedDescriptor? {
        let terminal = try openFile("/dev/tty", O_RDWR)
        guard tcgetpgrp(terminal.raw) == getpgrp() else { return nil }
        return terminal
    }
}
