// The processes of one step, whoever keeps them together: its control group, or what can be found without one.

import Cgroups
import Glibc
import UpdateModel

/// All processes that a step started, by the best mechanism this machine has.
enum ProcessGroup {
    case leaf(Leaf)
    case tracked(ProcessTracker)

    /// The living ones. What cannot be asked is taken for empty: the group has gone, or `/proc` has.
    func processes() -> [Int32] {
        switch self {
        case .leaf(let leaf): (try? leaf.isPopulated) == true ? (try? leaf.processes()) ?? [] : []
        case .tracked(let tracker): (try? tracker.processes()) ?? []
        }
    }

    /// Its processes are found by the id of the main process, which must stay its own until the end.
    var needsMainProcess: Bool {
        switch self {
        case .leaf: false
        case .tracked: true
        }
    }

    func signalAll(_ signal: Int32) {
        switch self {
        case .leaf(let leaf):
            leaf.signal(signal)
        case .tracked(let tracker):
            try? tracker.signal(signal)
        }
    }

    /// Stops all where they stand, or lets them go on; those of a leaf with the group above it, which is frozen or thawed as
    /// a whole.
    /// - Returns: whether all were.
    func setFrozen(_ isFrozen: Bool) -> Bool {
        switch self {
        case .leaf: true
        case .tracked(let tracker):
            isFrozen ? (try? tracker.stopAll()) ?? false : (try? tracker.signal(SIGCONT)) != nil
        }
    }

    /// - Returns: what kept it from being done; `nil` where all are killed.
    func killAll() -> String? {
        switch self {
        case .leaf(let leaf):
            do throws(CgroupError) { try leaf.kill() } catch { return error.description }
            return nil
        case .tracked(let tracker):
            return (try? tracker.killAll()) == true ? nil : "some processes could not be found or killed"
        }
    }

    /// Readable as `.priority` when the group's population changes; `nil` where nothing tells.
    var emptinessDescriptor: Int32? {
        switch self {
        case .leaf(let leaf): try? leaf.eventsDescriptor
        case .tracked: nil
        }
    }
}
