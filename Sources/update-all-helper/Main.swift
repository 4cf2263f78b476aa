// The helper: the one program of update-all's that runs as root for a person. It is started by sudo, doas, run0 or pkexec
// with one end of a pair of sockets as its standard input, does what the table of `HelperRequest` has, within what the
// administrator's files allow, and ends when the run is over or update-all has gone.

import CLinux
import Glibc
import LinuxSystem
import SystemPackage

@main
enum Main {
    static func main() {
        guard CommandLine.arguments.count == 1 else {
            complain("usage: update-all-helper, started as root by update-all with a socket as its standard input")
            exit(2)
        }
        guard geteuid() == 0, getuid() == 0 else {
            complain("it must be started as root, by update-all through sudo for example")
            exit(2)
        }
        // doas kills what it has started two seconds after a SIGTERM of its own, which a person may send it.
        if getenv("DOAS_USER") != nil, clx_leave_starter() < 0 {
            complain("no process can be made: \(Errno(rawValue: errno)). Raise the limit of processes (ulimit -u)")
            exit(4)
        }
        // What ends update-all must not end what guards its commits: a session of its own gets nothing from the terminal.
        _ = setsid()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP] { signal(number, SIG_IGN) }
        signal(SIGCHLD, SIG_DFL)
        _ = clx_close_from(3)
        _ = chdir("/")
        umask(0o022)
        var server: Server
        do {
            let (caller, socket) = try Caller.waiting(at: 0)
            try Confinement.forbidTracing()
            server = try Server(socket: socket, caller: caller)
        } catch {
            complain((error as? Refusal)?.reason ?? "\(error)")
            exit(4)
        }
        // Nothing that a person has set reaches what runs as root.
        clearenv()
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1)
        exit(server.serve() ? 0 : 1)
    }
}

/// Writes a line to standard error, in one piece.
func complain(_ text: String) {
    try? writeAll(2, Array("update-all-helper: \(text)\n".utf8))
}
