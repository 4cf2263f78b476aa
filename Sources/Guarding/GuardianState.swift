// What the guardian has to know. A new guardian is told all of it, so it is kept, with the descriptors.

import Glibc
import GuardianProtocol
import LinuxSystem
import SystemPackage
import UpdateModel

/// Everything that was handed to the guardian and still holds.
struct GuardianState {
    let run: GuardianMessage.Run
    private var commits: [StepID: Commit] = [:]
    private var tracked: [StepID: (session: pid_t?, temporaryDirectory: String)] = [:]
    private var terminal: (state: GuardianMessage.TerminalState, descriptors: HeldDescriptors)?

    private let keptOpen: HeldDescriptors?

    private struct Commit {
        var outputCount: Int
        var hasProcess: Bool
        var descriptors: HeldDescriptors
    }

    /// A change that the guardian has not been told yet. What is told is what holds when it is sent.
    enum Change {
        case begin
        case keepOpen
        case commit(StepID)
        case tracked(StepID)
        case terminal
        case finish
    }

    /// - Parameter keptOpen: see `GuardianMessage.keepOpen`.
    init(run: GuardianMessage.Run, keptOpen: CInt? = nil) throws(Errno) {
        self.run = run
        if let keptOpen {
            self.keptOpen = try HeldDescriptors(duplicating: [keptOpen])
        } else {
            self.keptOpen = nil
        }
    }

    mutating func protect(_ step: StepID, process: CInt?, outputs: [CInt], log: CInt) throws(Errno) {
        let descriptors = try HeldDescriptors(duplicating: [log] + outputs + (process.map { [$0] } ?? []))
        commits[step] = Commit(outputCount: outputs.count, hasProcess: process != nil, descriptors: descriptors)
    }

    mutating func unprotect(_ step: StepID) -> Bool { commits.removeValue(forKey: step) != nil }

    mutating func track(_ step: StepID, session: pid_t?, temporaryDirectory: String) {
        tracked[step] = (session, temporaryDirectory)
    }

    mutating func untrack(_ step: StepID) -> Bool { tracked.removeValue(forKey: step) != nil }

    mutating func setTerminal(_ descriptor: CInt, _ state: GuardianMessage.TerminalState) throws(Errno) {
        terminal = (state, try HeldDescriptors(duplicating: [descriptor]))
    }

    mutating func clearTerminal() { terminal = nil }

    /// All that a new guardian must be told.
    var allChanges: [Change] {
        [.begin] + (keptOpen == nil ? [] : [.keepOpen]) + commits.keys.sorted().map { .commit($0) }
            + tracked.keys.sorted().map { .tracked($0) }
            + (terminal == nil ? [] : [.terminal])
    }

    /// The message that tells `change`, and the descriptors that go with it.
    func message(for change: Change) -> (message: GuardianMessage, descriptors: HeldDescriptors?) {
        switch change {
        case .begin: return (.begin(run), nil)
        case .keepOpen: return (.keepOpen, keptOpen)
        case .commit(let step):
            guard let commit = commits[step] else { return (.unprotect(step), nil) }
            return (
                .protect(step, outputs: commit.outputCount, hasProcess: commit.hasProcess), commit.descriptors
            )
        case .tracked(let step):
            guard let tracked = tracked[step] else { return (.untrack(step), nil) }
            return (
                .track(step, session: tracked.session, temporaryDirectory: tracked.temporaryDirectory), nil
            )
        case .terminal: return (.terminal(terminal?.state), terminal?.descriptors)
        case .finish: return (.finish, nil)
        }
    }
}

/// Duplicates of descriptors, closed with the last reference to them.
final class HeldDescriptors {
    private(set) var all: [CInt] = []

    init(duplicating originals: [CInt]) throws(Errno) {
        for original in originals {
            let duplicate = fcntl(original, F_DUPFD_CLOEXEC, 3)
            // What was duplicated before is closed by the deinitializer.
            if duplicate < 0 { throw Errno(rawValue: errno) }
            all.append(duplicate)
        }
    }

    deinit { for descriptor in all { close(descriptor) } }
}

/// How often something may be started again: so many times within any minute.
struct RestartAllowance {
    static let startsPerMinute = 5
    private var starts: [Duration] = []

    /// Takes one start at `now`, where there is one left.
    mutating func take(at now: Duration) -> Bool {
        starts.removeAll { now - $0 >= .seconds(60) }
        guard starts.count < Self.startsPerMinute else { return false }
        starts.append(now)
        return true
    }
}
