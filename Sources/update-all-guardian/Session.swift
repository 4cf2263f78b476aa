// While update-all lives: the guardian listens, remembers what it is told, and touches nothing.

import GuardianProtocol
import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// What the guardian knows of the run.
struct Session {
    enum Ending {
        /// update-all has said that nothing is left to do.
        case finished
        case updateAllDied
        /// The guardian cannot do its work: a message that it cannot read, no descriptors or memory left. It ends, and
        /// update-all starts another and tells that everything again; going on with half of it would be worse.
        case unusable
    }

    /// An unprotected step outside any control group.
    struct TrackedStep {
        /// `nil`: it was about to be started.
        var session: pid_t?
        var temporaryDirectory: String
    }

    private let socket: CInt
    private(set) var run: GuardianMessage.Run?
    private(set) var report: ReportFile?
    /// Opened early, so that a group of the same name that is made later is never taken for it.
    private(set) var stepsGroup: GroupDirectory?
    private(set) var commits: [StepID: Commit] = [:]
    private(set) var trackedSteps: [StepID: TrackedStep] = [:]
    private(set) var terminal: TerminalRestoration?
    private var keptOpen: Descriptors?

    init(socket: CInt) { self.socket = socket }

    /// Takes messages until there will be no more.
    mutating func listen() -> Ending {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        while true {
            if poll(&waiting, 1, -1) < 0, errno != EINTR { return .unusable }
            do {
                switch try receivePacket(socket, capacity: GuardianMessage.maximumSize) {
                case .end: return .updateAllDied
                case .packet(let bytes, let descriptors):
                    if let ending = take(bytes, Descriptors(descriptors)) { return ending }
                }
            } catch .resourceTemporarilyUnavailable {
                continue
            } catch .connectionReset {
                return .updateAllDied
            } catch {
                return .unusable
            }
        }
    }

    private mutating func take(_ bytes: [UInt8], _ descriptors: Descriptors) -> Ending? {
        guard let message = GuardianMessage(bytes: bytes), message.descriptorCount == descriptors.all.count else {
            return .unusable
        }
        switch message {
        case .begin(let run):
            self.run = run
            report = ReportFile(run)
            stepsGroup = run.stepsGroup.flatMap { try? GroupDirectory($0) }
        case .protect(let step, let outputs, _):
            commits[step] = Commit(step: step, descriptors: descriptors, outputCount: outputs)
        case .unprotect(let step):
            commits[step] = nil
        case .track(let step, let session, let temporaryDirectory):
            trackedSteps[step] = TrackedStep(session: session, temporaryDirectory: temporaryDirectory)
        case .untrack(let step):
            trackedSteps[step] = nil
        case .terminal(let state):
            terminal = state.map { TerminalRestoration(state: $0, descriptors: descriptors) }
        case .keepOpen:
            keptOpen = descriptors
        case .finish:
            return .finished
        }
        return nil
    }
}

/// Descriptors that came with a message, closed with the last reference to them.
final class Descriptors {
    let all: [CInt]

    init(_ all: [CInt]) { self.all = all }

    deinit { for descriptor in all { close(descriptor) } }
}
