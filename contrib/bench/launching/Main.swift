// bench-launching COUNT SLOTS [USER [HELPER]] - starts /bin/true COUNT times, SLOTS at once, as update-all starts a step: in a
// control group of its own with five limits that are written and read back, its output read from pipes to their ends.
// What update-all does besides (plan, log, events, metrics, display) is left out, so this is to spawn-floor what
// update-all is to ninja. Prints the medians of what one group and one start take, in microseconds. Limits whose
// controllers update-all does not have are left out, which is said.
//
// With USER they run as that account. With HELPER, that is run by that account and update-all-helper starts them, which a
// rule of sudo's must allow without a password.

import Cgroups
import Glibc
import LinuxSystem
import Privilege
import Reactor
import Synchronization
import Systemd
import UpdateModel

@main
enum Benchmark {
    static func main() {
        let numbers = CommandLine.arguments.dropFirst().prefix(2).compactMap { Int($0) }
        let further = CommandLine.arguments.dropFirst(3)
        guard numbers.count == 2, further.count <= 2, numbers.allSatisfy({ $0 > 0 }) else {
            fail("usage: bench-launching COUNT SLOTS [USER [HELPER]]", exitCode: 2)
        }
        do {
            // As in update-all: ends of children are learnt from their pidfds.
            try SignalSource.block([SIGCHLD])
            let ended = try WakeUp()
            let run = RunID(start: calendarTime(), processID: getpid())
            var account: Account?
            if let name = further.first {
                account = try Account.named(name)
                if account == nil { fail("there is no account \(name)") }
            }
            let client = try further.count == 2 ? helper(further.last ?? "", for: run) : nil
            let launches = try Launches(
                of: numbers[0], slots: numbers[1], in: tree(of: run, from: client), by: client,
                as: account)
            Task.detached {
                await launches.begin { ended.signal() }
            }
            ended.wait(limit: nil)
            client?.finish()
        } catch {
            fail("\(error)")
        }
    }
}

private func tree(of run: RunID, from client: HelperClient?) throws -> CgroupTree {
    if let client { return try client.tree() }
    guard case .tree(let tree) = CgroupTree.prepare(run: run) else { fail("there are no groups for it") }
    return tree
}

/// The helper at that path, by a rule of sudo's that asks nobody.
private func helper(_ path: String, for run: RunID) throws -> HelperClient {
    guard let elevation = Elevation.available(.sudo, helper: path),
        let attempt = try elevation.beginSilently(run, hasTerminal: false, callback: nil)
    else { fail("sudo is not here") }
    while true {
        var waiting = attempt.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        poll(&waiting, nfds_t(waiting.count), -1)
        if let client = try attempt.advance() { return client }
    }
}

func warn(_ reason: String) { try? writeAll(2, Array("bench-launching: \(reason)\n".utf8)) }

func fail(_ reason: String, exitCode: Int32 = 1) -> Never {
    warn(reason)
    exit(exitCode)
}
