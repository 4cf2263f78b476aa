// The guardian: a small process beside update-all that stays when update-all dies. Started without arguments it guards
// the run that standard input, a socket, tells it of; started as `witness` it runs one protected phase.

import CLinux
import Glibc
import LinuxSystem

@main
enum Main {
    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case nil: exit(guardRun())
        case "witness": Witness.run()
        default:
            complain("usage: update-all-guardian, started by update-all with a socket as its standard input")
            exit(2)
        }
    }

    private static func guardRun() -> CInt {
        // What ends update-all must not end its guardian: a session of its own gets nothing from the terminal, and
        // signals that are sent to everything at once are ignored. Fails where the launcher has made the session.
        _ = setsid()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP] { signal(number, SIG_IGN) }
        // A write end of a step's pipe that was left open here would keep that pipe's end from ever coming.
        _ = clx_close_from(3)
        // No file system is kept busy by a process that nobody sees.
        _ = chdir("/")

        var session = Session(socket: 0)
        switch session.listen() {
        case .finished:
            session.report?.remove()
            return 0
        case .updateAllDied:
            Aftermath(session).run()
            return 0
        case .unusable:
            return 1
        }
    }
}

/// Writes a line to standard error, in one piece.
func complain(_ text: String) {
    try? writeAll(2, Array("update-all-guardian: \(text)\n".utf8))
}
