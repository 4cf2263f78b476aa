// What systemd is told of a run's scope. docs/decisions/0015 has the reasons and what was tried.

import Cgroups
import Glibc
import UpdateModel

/// The service manager that is asked.
public enum ServiceManager: Hashable, Sendable {
    case system
    /// That of a person, `systemd --user`.
    case user(uid_t)

    /// Of its bus. Not taken from the environment, which after su or sudo may be somebody else's.
    var busPath: String {
        switch self {
        case .system: "/run/dbus/system_bus_socket"
        case .user(let user): "/run/user/\(user)/bus"
        }
    }

    /// What to do where there is no such bus.
    var advice: String {
        switch self {
        case .system: "start the system's message bus, with: systemctl start dbus.socket (the package dbus)"
        case .user:
            "log in anew (su and sudo begin no session of their own; the package dbus-user-session has the bus), "
                + "or have the manager run always, with: loginctl enable-linger"
        }
    }
}

/// A transient scope that does not exist yet.
public struct ScopeRequest: Hashable, Sendable {
    public var run: RunID
    /// The process that it begins with.
    public var process: pid_t

    public init(run: RunID, process: pid_t) {
        self.run = run
        self.process = process
    }

    var units: RunUnits { RunUnits(run) }

    func properties(ofLeftovers processes: [pid_t]) -> [(name: String, value: BusValue)] {
        [
            ("Description", .string(units.leftoversDescription)),
            ("Slice", .string(RunUnits.slice)),
            ("PIDs", .array(processes.map { .uint32(UInt32($0)) }, of: "u")),
            ("CollectMode", .string("inactive-or-failed")),
        ]
    }

    /// The unit's properties, with the D-Bus types of org.freedesktop.systemd1(5). Those of systemd 236 and older, since one
    /// that a manager does not know makes it refuse them all.
    /// - Parameter controller: the bus name of whoever is to be asked when the scope is to stop.
    func properties(controller: String, of manager: ServiceManager) -> [(name: String, value: BusValue)] {
        let needed = RunUnits.needed + (manager == .system ? RunUnits.neededSystemwide : [])
        return [
            ("Description", .string(units.scopeDescription)),
            ("Slice", .string(RunUnits.slice)),
            ("PIDs", .array([.uint32(UInt32(process))], of: "u")),
            ("Delegate", .bool(true)),
            ("After", .array(needed.map { .string($0) }, of: "s")),
            // `systemctl status` and systemd-cgtop show what is accounted for.
            ("CPUAccounting", .bool(true)),
            ("MemoryAccounting", .bool(true)),
            ("TasksAccounting", .bool(true)),
            ("IOAccounting", .bool(true)),
            // The manager's default would be a pids.max above commits.
            ("TasksMax", .uint64(.max)),
            // To stop is to ask us, and to wait for as long as a commit takes. Where nobody can be asked any more, since
            // update-all was killed, a signal that does nothing takes the place of SIGTERM, and the wait is the same.
            ("Controller", .string(controller)),
            ("TimeoutStopUSec", .uint64(.max)),
            ("KillSignal", .int32(SIGCONT)),
            ("SendSIGKILL", .bool(false)),
            // Gone when it is over, however it ended.
            ("CollectMode", .string("inactive-or-failed")),
        ]
    }
}

extension Sequence where Element == (name: String, value: BusValue) {
    /// `a(sv)`.
    var asBusValue: BusValue {
        .array(map { .structure([.string($0.name), .variant($0.value)]) }, of: "(sv)")
    }
}
