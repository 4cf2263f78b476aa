// The program's entry: signals are set aside before any thread exists, then the command line decides.

import ArgumentParser
import Execution
import Glibc
import LinuxSystem
import Presentation
import Reactor
import RunModel
import Synchronization
import UpdateModel

@main
enum Program {
    static func main() {
        // Written to a pipe whose reader has gone: an error like any other, not a death.
        signal(SIGPIPE, SIG_IGN)
        // Where the caller ignores the ends of its children, the kernel would not keep ours for us.
        signal(SIGCHLD, SIG_DFL)
        do {
            try SignalSource.block(RunSession.blockedSignals)
            let ended = try WakeUp()
            let code = Mutex(RunModel.ExitCode.failure)
            // Detached, since this thread, which a plain task would inherit, only waits for its end.
            Task.detached {
                let result = await run()
                code.withLock { $0 = result }
                ended.signal()
            }
            // An asynchronous main would not do: it gives this thread to Dispatch, which waits in sigsuspend with no
            // signal blocked, and the first Ctrl-C would end the program then.
            ended.wait(limit: nil)
            exit(code.withLock { $0 }.rawValue)
        } catch {
            complain("the program cannot start: \(error). Raise the limit of open files (ulimit -n)")
            exit(RunModel.ExitCode.failure.rawValue)
        }
    }

    private static func run() async -> RunModel.ExitCode {
        do {
            var command = try UpdateAll.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .success
        } catch let end as FinalExit {
            return end.code
        } catch let error as RunError {
            if error.namesPlaces { writeToStandardError(error.description + "\n") } else { complain(error.description) }
            return error.exitCode
        } catch {
            let text = UpdateAll.fullMessage(for: error) + "\n"
            if UpdateAll.exitCode(for: error).isSuccess {  // --help and --version
                writeToStandardOutput(Array(text.utf8))
                return .success
            }
            writeToStandardError(text)
            return .usage
        }
    }
}

struct UpdateAll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update-all",
        abstract: "Runs every updater of this machine, each within its limits.",
        discussion: """
            Without a command it is `update-all run`.

            Exit codes: 0 done, or nothing to do · 1 a step failed · 2 wrong usage, or a file that is not valid · \
            3 the policy requires a limit that cannot be enforced here · 4 a step needs root, or the run is another's · \
            5 another run is in progress · 6 outside the policy's window · \
            75 a lock of another program was not released in time · 100 check found updates · 128+N ended by signal N.
            """,
        version: programVersion,
        subcommands: [
            Run.self, PlanCommand.self, CheckCommand.self, Download.self, List.self, PluginTools.self,
            PolicyCommand.self, ConfigCommand.self, Doctor.self, SudoersCommand.self, Logs.self, Status.self,
            Pause.self, Resume.self,
            Cancel.self,
        ],
        defaultSubcommand: Run.self)
}

let programVersion = "0.1.0"

/// Ends the program with a code after everything has been said.
struct FinalExit: Error {
    let code: RunModel.ExitCode
}

func complain(_ text: String) { writeToStandardError("update-all: \(text)\n") }

/// A message may quote a stranger's text, be it the name of a file, and goes to a terminal.
func writeToStandardError(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Sanitizer.clean(String($0)) }
    try? writeAll(2, Array(lines.joined(separator: "\n").utf8))
}

/// Writes to standard output; a reader that has gone, as `head` does, is no error.
func writeToStandardOutput(_ bytes: [UInt8]) { try? writeAll(1, bytes) }
