// Processes of steps that lost their parents and have become our children, where no control group holds them.

import Glibc
import LinuxSystem

/// Reaps orphans that ended, since nobody else can and a process table is finite. Lives on the event loop's thread.
final class Orphans {
    /// Children that we started, and whose ends somebody here waits for.
    private var ours: Set<pid_t> = []
    /// Orphans may have ended behind one of ours that is still to be reaped.
    private var isHidden = false

    /// From now on orphaned descendants become our children and not those of init, where nobody would find them.
    init() { try? becomeSubreaper() }

    func isOurs(_ process: pid_t) { ours.insert(process) }

    /// Nobody waits for its end any longer.
    func isNoLongerOurs(_ process: pid_t) {
        ours.remove(process)
        if isHidden { reap() }
    }

    /// To be called on SIGCHLD. One of ours that ended and was not reaped yet hides the rest: they have their turn after it.
    func reap() {
        isHidden = false
        while let process = Self.endedChild() {
            isHidden = ours.contains(process)
            if isHidden { return }
            var information = siginfo_t()
            waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG)
        }
    }

    /// A child that has ended and was not reaped, the same one until it is; `nil` where there is none.
    private static func endedChild() -> pid_t? {
        var information = siginfo_t()
        guard waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) == 0 else { return nil }
        let process = information._sifields._sigchld.si_pid
        return process > 0 ? process : nil
    }
}
