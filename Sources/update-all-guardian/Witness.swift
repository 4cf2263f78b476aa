// The witness of a protected phase: the parent that does not die, so that somebody can say how the phase ended.
//
//     update-all-guardian witness RECORD_FD [PROGRAM_FD] -- EXECUTABLE [ARGUMENT…]

import CLinux
@preconcurrency import Glibc  // `environ`, which nothing here writes
import GuardianProtocol
import LinuxSystem
import UpdateModel

/// Runs one program as its child, passes signals on to it, notes how it ended, and ends the same way.
struct Witness {
    private let record: CInt
    private let process: pid_t
    private let start: Duration
    private let allSignals: sigset_t

    static func run() -> Never {
        // Bytes as they came: a String would mend what is no UTF-8, and the program would be told something else.
        let arguments = CommandLine.unsafeArgv
        let words = CommandLine.arguments
        let mark = words.count > 5 && words[3] != "--" ? 4 : 3
        guard words.count > mark + 1, let record = CInt(words[2]), record > 2, words[mark] == "--",
            let path = arguments[mark + 1]
        else {
            complain("usage: update-all-guardian witness RECORD_FD [PROGRAM_FD] -- EXECUTABLE [ARGUMENT…]")
            exit(2)
        }
        guard fcntl(record, F_SETFD, FD_CLOEXEC) == 0 else {
            complain("witness: descriptor \(record) for the exit record is not open")
            exit(2)
        }
        // What was opened and checked is executed, whatever is at its path by now. A script's interpreter opens it by that
        // name, too.
        let program = mark == 4 ? CInt(words[3]).map { "/proc/self/fd/\($0)" } : String(cString: path)
        Self(record: record, path: program ?? "", arguments: arguments + mark + 1).watch()
    }

    private init(
        record: CInt, path: String, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) {
        self.record = record
        // All signals are blocked and then taken one by one: none ends the witness before its child, none is lost while
        // the child is being started. Where SIGCHLD is ignored nobody learns how a child ended.
        var all = sigset_t()
        var inherited = sigset_t()
        sigfillset(&all)
        sigprocmask(SIG_SETMASK, &all, &inherited)
        signal(SIGCHLD, SIG_DFL)
        allSignals = all

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setsigmask(&attributes, &inherited)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        start = monotonicTime()
        var process: pid_t = 0
        let failure = posix_spawn(&process, path, nil, &attributes, arguments, environ)
        self.process = process
        if failure != 0 {
            complain("cannot start \(path): \(String(cString: strerror(failure)))")
            end(.exited(code: 127))
        }
    }

    /// Until the child has ended.
    private func watch() -> Never {
        var all = allSignals
        while true {
            var info = siginfo_t()
            let number = sigwaitinfo(&all, &info)
            if number == SIGCHLD {
                if let status = endOfChild() { end(status) }
            } else if number > 0, info.si_code <= 0 {
                // From a process, so meant for the phase. What the kernel sends comes from a terminal, and its whole
                // foreground group has it already: passed on, the child would get it twice.
                kill(process, number)
            }
        }
    }

    private func endOfChild() -> ExitRecord.Status? {
        var info = siginfo_t()
        // WEXITED alone: a child that was stopped is not at its end.
        guard waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG) == 0, info._sifields._sigchld.si_pid == process
        else { return nil }
        let status = info._sifields._sigchld.si_status
        return info.si_code == CLD_EXITED ? .exited(code: status) : .signalled(number: status)
    }

    private func end(_ status: ExitRecord.Status) -> Never {
        let (seconds, attoseconds) = (monotonicTime() - start).components
        let entry = ExitRecord(
            status: status, wallMilliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000, end: calendarTime())
        do {
            try writeAll(record, Array(entry.line.utf8))
        } catch {
            complain("witness: cannot write the exit record: \(error)")
        }
        switch status {
        case .exited(let code): _exit(code)
        case .signalled(let number): clx_end_by_signal(number)
        }
    }
}
