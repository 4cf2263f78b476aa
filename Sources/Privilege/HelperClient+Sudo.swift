// What steps give to their sudo, run by the helper.

import Cgroups
import Glibc
import HelperProtocol
import Launching
import LinuxSystem
import Spawning
import SystemPackage
import UpdateModel

extension HelperClient: SudoRunner {
    /// - Parameter right: what plugin and policy agree on. The helper only knows what the administrator allows: a person's
    ///   plugin declares what that person wants.
    public func run(
        _ command: SudoCommand, right: SudoRight, in group: StepGroup, leaf: Leaf, descriptors: [CInt]
    ) throws(SudoRefusal) -> LaunchedProcess {
        _ = try command.executable(in: right)
        let request = HelperSudo(group: group, program: command.program, arguments: command.arguments)
        let answer: (reply: HelperReply, descriptors: [CInt])
        do throws(HelperError) {
            answer = try connection.ask(.sudo(request), descriptors: descriptors)
        } catch {
            if case .refused(let reason) = error { throw SudoRefusal(reason) }
            throw SudoRefusal("\(error)")
        }
        switch answer.reply {
        case .launched(let process):
            return LaunchedProcess(Process(connection, process, answer.descriptors[0]), pid: process)
        case .notLaunched(let failure): throw SudoRefusal(LaunchError(failure).description)
        default: throw SudoRefusal("update-all-helper is of another build")
        }
    }
}
