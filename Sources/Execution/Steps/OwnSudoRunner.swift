// The sudo of steps where root runs update-all: no helper stands between, and the audit log has the same lines.

import Auditing
import Cgroups
import Glibc
import HelperProtocol
import Launching
import LinuxSystem
import Spawning
import SystemPackage
import UpdateModel

/// Runs commands of the steps of one account.
struct OwnSudoRunner: SudoRunner {
    let spawner: Spawner
    let root: Account
    /// As whom the step runs.
    let caller: Account
    let audit: AuditLog

    func run(
        _ command: SudoCommand, right: SudoRight, in group: StepGroup, leaf: Leaf, descriptors: [CInt]
    ) throws(SudoRefusal) -> LaunchedProcess {
        let asked = HelperRequest.sudo(
            HelperSudo(group: group, program: command.program, arguments: command.arguments))
        let request: LaunchRequest
        let streams: ProcessStreams
        do throws(SudoRefusal) {
            (request, streams) = try command.request(as: root, for: caller, right: right, descriptors: descriptors, leaf: leaf)
        } catch {
            audit.note(asked, .refused(error.reason))
            throw error
        }
        let process: ChildProcess
        do throws(LaunchError) {
            process = try spawner.spawn(request, streams: streams)
        } catch {
            audit.note(asked, .failed(error.attempt, errno: error.errno.rawValue))
            throw SudoRefusal(error.description)
        }
        audit.note(asked, .launched(process: process.pid))
        return LaunchedProcess(AuditedProcess(process, audit), pid: process.pid)
    }
}

/// Has its signals and its end noted as well.
private final class AuditedProcess: RemoteProcess {
    var pidfd: CInt { process.pidfd.raw }
    private let process: ChildProcess
    private let audit: AuditLog
    private(set) var failure: LaunchError?

    init(_ process: ChildProcess, _ audit: AuditLog) {
        self.process = process
        self.audit = audit
    }

    func signal(_ number: Int32) throws(Errno) {
        try process.signal(number)
        audit.note(.signal(process: process.pid, number: number), .done)
    }

    func reap() throws(Errno) -> Exit? {
        guard let exit = try process.reap() else { return nil }
        failure = process.failure(exit)
        let ending =
            switch exit.cause {
            case .code(let code): HelperReply.ProcessEnding(status: code, isSignal: false)
            case .signal(let number): HelperReply.ProcessEnding(status: number, isSignal: true)
            }
        audit.note(.reap(process: process.pid), .ended(ending))
        return exit
    }
}
