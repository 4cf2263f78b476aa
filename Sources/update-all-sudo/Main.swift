// What a step finds as `sudo`: it hands the command to update-all, which has it run as root where the plugin's manifest and the
// administrator's policy agree on it. Where they do not, the machine's own sudo runs it, if its rules ask for no password.

import CLinux
import Glibc
import LinuxSystem
import SudoProtocol

@main
enum Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let arguments = commandLine()
        guard let socket = variable("UPDATE_ALL_SUDO_SOCKET") else { MachineSudo.run(arguments) }
        do throws(SudoOptionRefusal) {
            switch try SudoInvocation(arguments) {
            case .run(let program, let arguments):
                Conversation(with: socket).run(.run(program: program, arguments: arguments))
            case .validate: Conversation(with: socket).run(.validate)
            case .forget: exit(0)
            case .version: print("update-all's sudo for steps, version 1")
            case .usage:
                print("usage: sudo [-n] [-u root] [--] program [argument ...]\n       sudo -v | -k | -K | -V | -h")
                exit(arguments.isEmpty ? 1 : 0)
            }
        } catch {
            refuse(error.reason)
        }
    }

    /// Without the program's own name.
    private static func commandLine() -> [String] {
        CommandLine.arguments.indices.dropFirst().map { index in
            guard let text = CommandLine.unsafeArgv[index].flatMap({ String(validatingCString: $0) }) else {
                refuse("the argument \(index) is not UTF-8")
            }
            return text
        }
    }
}

func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Ends as sudo ends where it does not run a command.
func refuse(_ reason: String) -> Never {
    try? writeAll(2, Array("sudo: \(reason)\n".utf8))
    exit(1)
}
