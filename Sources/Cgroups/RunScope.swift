// The scope that systemd makes for a run, as far as the run's groups need it; how systemd is asked is for others to say.

import Glibc
import UpdateModel

/// A running scope, in which this process is, and below which the groups are the run's.
public protocol RunScope: Sendable {
    /// The unit's name.
    var unit: String { get }
    /// Whose own manager has made it; `nil`: the system's.
    var person: uid_t? { get }

    /// Gives the slice, which has no other units than runs, weights among what runs beside it.
    /// - Parameters: 1…10000; a CPU weight of 0 stands for idle (systemd 252); `nil`: the manager's default.
    func setSliceWeights(cpu: UInt64?, io: UInt64?) throws(SystemdError)

    /// Moves processes that outlive the run into a scope that systemd stops like any other: this one would be waited for.
    func moveOut(_ processes: [pid_t]) throws(SystemdError)
}

/// How systemd calls what is a run's.
public struct RunUnits: Hashable, Sendable {
    private let run: RunID

    public init(_ run: RunID) { self.run = run }

    /// A dash would mean nesting in the name of a slice; in that of a scope it means nothing.
    public static let slice = "updateall.slice"

    public var scope: String { "update-all-\(run).scope" }
    public var scopeDescription: String { "Updates by update-all, run \(run)" }

    /// What is left when the run is over is a scope like any other, and stopped like one.
    public var leftovers: String { "update-all-\(run)-left.scope" }
    public var leftoversDescription: String { "Left running by updates, run \(run)" }

    /// What a scope needs until it has stopped: the bus that says so, and file systems.
    public static let needed = ["basic.target", "dbus.service"]
    /// What one of the system's needs besides, for downloads among others.
    public static let neededSystemwide = ["network.target", "remote-fs.target"]
}
