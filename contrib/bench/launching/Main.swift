// bench-launching COUNT SLOTS - starts /bin/true COUNT times, SLOTS at once, as update-all starts a step: in a control
// group of its own with five limits that are written and read back, its output read from pipes to their ends. What
// update-all does besides (plan, log, events, metrics, display) is left out, so this is to spawn-floor what update-all
// is to ninja. Prints nothing. Needs a kernel in which update-all has the controllers cpu, memory and pids.

import Cgroups
import Glibc
import LinuxSystem
import Reactor
import Synchronization
import UpdateModel

@main
enum Benchmark {
    static func main() {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 2, CommandLine.argc == 3, numbers.allSatisfy({ $0 > 0 }) else {
            fail("usage: bench-launching COUNT SLOTS", exitCode: 2)
        }
        do {
            // As in update-all: ends of children are learnt from their pidfds.
            try SignalSource.block([SIGCHLD])
            let ended = try WakeUp()
            let run = RunID(start: calendarTime(), processID: getpid())
            guard case .tree(let tree) = CgroupTree.prepare(run: run) else { fail("there are no groups for it") }
            let launches = try Launches(of: numbers[0], slots: numbers[1], in: tree)
            Task.detached {
                await launches.begin { ended.signal() }
            }
            ended.wait(limit: nil)
            try tree.remove()
        } catch {
            fail("\(error)")
        }
    }
}

func fail(_ reason: String, exitCode: Int32 = 1) -> Never {
    try? writeAll(2, Array("bench-launching: \(reason)\n".utf8))
    exit(exitCode)
}
