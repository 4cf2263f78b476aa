// Handing controllers down: what a group may use is what its parent's cgroup.subtree_control says.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// The controllers that the children of a group have, and what kept the others away.
struct Delegation: Hashable, Sendable {
    var enabled: Set<Controller>
    /// The first refusal; `nil`: those that are missing were not there to be handed down.
    var failure: Errno?

    /// Enables for the children of `group` all that is wanted and there.
    ///
    /// All at once first; where the kernel refuses, one by one: a realtime process in the group refuses `cpu` alone (EINVAL).
    static func enable(_ wanted: Set<Controller>, below group: borrowing Group) throws(CgroupError) -> Delegation {
        do {
            let directory = group.directory.raw
            let available = parse(try readControlFile("cgroup.controllers", in: directory))
            let missing = wanted.intersection(available).subtracting(
                parse(try readControlFile("cgroup.subtree_control", in: directory)))
            var failure: Errno?
            if !missing.isEmpty, write(missing, in: directory) != nil {
                for controller in missing.sorted() {
                    if let refusal = write([controller], in: directory), failure == nil { failure = refusal }
                }
            }
            let enabled = parse(try readControlFile("cgroup.subtree_control", in: directory)).intersection(wanted)
            return Delegation(enabled: enabled, failure: failure)
        } catch {
            throw CgroupError(attempt: "enable controllers in", path: group.path, errno: error)
        }
    }

    /// Takes back what `enable` did, as far as that goes.
    static func disable(_ controllers: Set<Controller>, below group: borrowing Group) {
        for controller in controllers {
            try? writeControlFile("cgroup.subtree_control", in: group.directory.raw, "-\(controller.rawValue)")
        }
    }

    /// EBUSY can be of the moment, while a group of another run is being removed: five tries, 15 ms in all.
    private static func write(_ controllers: Set<Controller>, in directory: CInt) -> Errno? {
        let text = controllers.sorted().map { "+\($0.rawValue)" }.joined(separator: " ")
        var pause: UInt32 = 1000
        for attempt in 1... {
            do {
                try writeControlFile("cgroup.subtree_control", in: directory, text)
                return nil
            } catch {
                if error != .resourceBusy || attempt == 5 { return error }
            }
            // No event tells when the other run is done.
            usleep(pause)
            pause *= 2
        }
        return nil
    }

    private static func parse(_ text: String) -> Set<Controller> {
        Set(text.split(separator: " ").compactMap { Controller(rawValue: String($0)) })
    }
}
