// Steps on machines without cgroup v2: their processes are found by what they cannot easily shed.

import Glibc
import LinuxSystem

/// Ends the processes of steps that are in no control group.
struct LooseProcesses {
    let steps: [Session.TrackedStep]

    /// Sends SIGKILL until a look at all processes finds none; for about a second.
    /// - Returns: whether none is left.
    func kill() -> Bool {
        if steps.isEmpty { return true }
        for pause in DoublingPauses() {
            if !killOnce() { return true }
            pause.wait()
        }
        return false
    }

    /// - Returns: whether there was any.
    private func killOnce() -> Bool {
        var found = false
        for name in (try? directoryEntries("/proc")) ?? [] {
            guard let process = pid_t(name) else { continue }
            // Opened before it is looked at: what is looked at is then what the signal goes to.
            guard let descriptor = try? openProcess(process), belongsToStep(process) else { continue }
            found = true
            try? signalProcess(descriptor.raw, SIGKILL)
        }
        return found
    }

    /// By its session, which a daemon leaves; else by the step's private TMPDIR, which sudo takes away.
    private func belongsToStep(_ process: pid_t) -> Bool {
        guard let status = ProcessStatus(process), !status.isZombie else { return false }
        if steps.contains(where: { $0.session == status.session }) { return true }
        guard let environment = try? readFile("/proc/\(process)/environ", limit: 4 << 20) else { return false }
        return environment.split(separator: 0).contains { variable in
            steps.contains { variable.elementsEqual("TMPDIR=\($0.temporaryDirectory)".utf8) }
        }
    }
}

/// Some of `/proc/PID/stat` (proc_pid_stat(5)).
struct ProcessStatus {
    let isZombie: Bool
    let session: pid_t
    /// The foreground process group of its controlling terminal; −1 without one.
    let foregroundGroup: pid_t

    /// `nil` where there is no such process.
    init?(_ process: pid_t) {
        // The name before ")" may have anything in it, ")" and spaces too.
        guard let text = try? readText("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 5, let session = pid_t(fields[3]), let foregroundGroup = pid_t(fields[5]) else {
            return nil
        }
        isZombie = fields[0] == "Z" || fields[0] == "X"
        self.session = session
        self.foregroundGroup = foregroundGroup
    }
}
