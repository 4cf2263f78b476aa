// What systemd says to a process in a scope that has nobody else to be asked.

import Cgroups
import Glibc
import LinuxSystem
import SystemPackage

/// Hears that the scope is to stop: systemd sends all its processes SIGCONT then, which changes nothing for those that do not
/// listen. From the first process that signal means an end, from others, such as a shell's job control, nothing.
public struct StopSignal: ~Copyable {
    /// Readable when there is something to hear.
    public let descriptor: OwnedDescriptor
    private var wasHeard = false

    /// Takes the signal away from this thread.
    public init() throws(SystemdError) {
        do throws(Errno) {
            try blockSignals([SIGCONT])
            descriptor = try openSignals([SIGCONT])
        } catch {
            throw SystemdError(
                attempt: "hear when to stop", reason: "\(error)", advice: "raise the limit of open files: ulimit -n")
        }
    }

    /// Takes what has come, without waiting.
    /// - Returns: whether it is to end; once, since to say it again would be more than to say it.
    public mutating func isHeard() -> Bool {
        let isNew = !wasHeard
        while let signal = nextSignal(descriptor.raw) { wasHeard = wasHeard || signal.sender == 1 }
        return isNew && wasHeard
    }
}
