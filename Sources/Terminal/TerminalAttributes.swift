// The line discipline of a terminal while a display is on it.

import Glibc

/// The settings that a terminal had, to be given back.
struct TerminalAttributes {
    private let saved: termios

    /// Turns echo off, so that what is typed does not tear the display; Ctrl-C and Ctrl-Z stay signals, and what is
    /// typed stays for whoever reads the terminal next. `nil`, and nothing changed, where `descriptor` is no terminal
    /// or this process is in its background (it would be stopped by SIGTTOU).
    static func disablingEcho(of descriptor: Int32) -> TerminalAttributes? {
        var attributes = termios()
        guard !isInBackground(of: descriptor), tcgetattr(descriptor, &attributes) == 0 else { return nil }
        let saved = TerminalAttributes(saved: attributes)
        attributes.c_lflag &= ~tcflag_t(ECHO | ECHONL)
        while tcsetattr(descriptor, TCSADRAIN, &attributes) != 0 {
            if errno != EINTR { return nil }
        }
        return saved
    }

    /// Gives the settings back. In the background nothing is done: the shell has restored its own.
    func restore(on descriptor: Int32) {
        guard !Self.isInBackground(of: descriptor) else { return }
        var attributes = saved
        while tcsetattr(descriptor, TCSADRAIN, &attributes) != 0 {
            if errno != EINTR { return }
        }
    }

    /// Whether the terminal controls this process and another group has its foreground. A terminal that does not
    /// control it (-1, ENOTTY) stops nobody.
    private static func isInBackground(of descriptor: Int32) -> Bool {
        let group = tcgetpgrp(descriptor)
        return group != -1 && group != getpgrp()
    }
}
