import Glibc
import Launching
import LinuxSystem
import Spawning
import Testing

@testable import Execution

@Suite("Processes without groups")
struct ProcessTrackerTests {
    @Test("Processes of a step are found by session, by descent and by their environment, and all are ended")
    func killAll() throws {
        let directory = try TemporaryDirectory()
        let mark = "UPDATE_ALL_PLUGIN_TMPDIR=\(directory.path)"
        // One child in the session, one daemon in another session, one without the variable but a descendant.
        let script = """
            sleep 1000 & setsid -f sleep 1000 >/dev/null 2>&1
            env -i /usr/bin/setsid /bin/sleep 1000 & echo ready; wait
            """
        var wanted = request("/bin/sh", ["-c", script])
        wanted.environment.append(mark)
        let process = try InProcessLauncher().launch(wanted)
        awaitOutput(of: process)
        let tracker = ProcessTracker(main: process.pid, mark: mark)
        // The shell has started all of them; each becomes `sleep` a moment later, which changes nothing here.
        #expect(try tracker.processes().count >= 4)
        #expect(try tracker.killAll())
        #expect(try tracker.processes().isEmpty)
        #expect(try waitForEnd(of: process).cause == .signal(SIGKILL))
    }

    @Test("Processes of others are not touched")
    func others() throws {
        let stranger = try InProcessLauncher().launch(request("/bin/sleep", ["1000"]))
        let process = try InProcessLauncher().launch(request("/bin/sleep", ["1000"]))
        let tracker = ProcessTracker(main: process.pid, mark: "UPDATE_ALL_PLUGIN_TMPDIR=/nowhere")
        #expect(try tracker.processes() == [process.pid])
        #expect(try tracker.killAll())
        #expect(try reapProcess(stranger.pidfd) == nil)
        try signalProcess(stranger.pidfd, SIGKILL)
        _ = try waitForEnd(of: stranger)
        _ = try waitForEnd(of: process)
    }

    private func request(_ executable: String, _ arguments: [String]) -> LaunchRequest {
        LaunchRequest(
            executable: executable, arguments: arguments, environment: ["PATH=/usr/bin:/bin"], directory: "/", leaf: nil
        )
    }

    /// Waits until a process has said something, and takes it.
    private func awaitOutput(of process: LaunchedProcess) {
        if let output = process.takeStdout() { waitReadable(output.raw) }
    }

    private func waitForEnd(of process: LaunchedProcess) throws -> Exit {
        while true {
            if let exit = try reapProcess(process.pidfd) { return exit }
            waitReadable(process.pidfd)
        }
    }

    private func waitReadable(_ descriptor: CInt) {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&request, 1, -1)
    }
}
