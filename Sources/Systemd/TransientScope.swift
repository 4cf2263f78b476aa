// A scope that systemd makes for a run, and what it says to us as long as that lives.

import Cgroups
import Glibc
import LinuxSystem
import Synchronization
import UpdateModel

/// A running scope. While this object lives, systemd asks it before it stops the scope.
public final class TransientScope: RunScope {
    private let manager: ServiceManager
    /// Readable when `takeNews` has something to look at.
    public let descriptor: CInt
    private let request: ScopeRequest
    private let bus: Mutex<Bus>

    /// systemd under load, or at boot, takes its time.
    private static let startLimit = Duration.seconds(30)

    /// Has systemd make the scope and move the process there, with all its threads; returns when both is done.
    public init(starting request: ScopeRequest, by manager: ServiceManager) throws(SystemdError) {
        let bus: Bus
        let controller: String
        do throws(SystemdError) {
            bus = try Bus(connectingTo: manager.busPath)
            controller = try bus.uniqueName()
        } catch {
            throw error.advice.isEmpty
                ? SystemdError(attempt: error.attempt, reason: error.reason, advice: manager.advice) : error
        }
        self.request = request
        self.manager = manager
        descriptor = bus.descriptor
        try Self.start(
            request.units.scope, request.properties(controller: controller, of: manager), on: bus, manager)
        self.bus = Mutex(bus)
    }

    public var unit: String { request.units.scope }

    public var person: uid_t? { if case .user(let user) = manager { user } else { nil } }

    /// Starts a transient unit, and returns when that is done.
    private static func start(
        _ unit: String, _ properties: [(name: String, value: BusValue)], on bus: Bus,
        _ manager: ServiceManager
    ) throws(SystemdError) {
        // The job may be done before the reply that names it: so the signals first. Others' jobs end, too.
        let jobs = "type='signal',sender='\(Systemd.service)',interface='\(Systemd.manager)',member='JobRemoved'"
        try bus.callBus("AddMatch", jobs, attempt: "watch systemd's jobs")
        defer { _ = try? bus.callBus("RemoveMatch", jobs, attempt: "leave systemd's jobs alone") }
        let attempt = "start \(unit)"
        let reply = try bus.call(
            Systemd.method("StartTransientUnit"),
            [.string(unit), .string("fail"), properties.asBusValue, .array([], of: "(sa(sv))")], attempt: attempt)
        let result = try waitForJob(reply.readText("o") ?? "", on: bus)
        if result != "done" {
            throw SystemdError(
                attempt: attempt, reason: "the job ended as \(result ?? "nothing within 30 s")",
                advice: "see: journalctl \(manager == .system ? "" : "--user ")-u \(unit)")
        }
    }

    /// - Returns: how it ended; `nil` where it has not in time.
    private static func waitForJob(_ job: String, on bus: Bus) throws(SystemdError) -> String? {
        let end = monotonicTime() + startLimit
        while monotonicTime() < end {
            switch bus.next() {
            case .message(let message):
                guard message.isSignal("JobRemoved", of: Systemd.manager), message.readUInt32() != nil,
                    message.readText("o") == job, message.readText() != nil
                else { continue }
                return message.readText()
            case .progress: continue
            case .nothing: bus.wait(limit: end - monotonicTime())
            case .disconnected:
                throw SystemdError(attempt: "wait for systemd", reason: "the bus closed the connection")
            }
        }
        return nil
    }

    // MARK: While it runs

    public enum News: Hashable, Sendable {
        /// Somebody stops the scope, or the machine goes down: what is to end is to be ended.
        case stopRequested
        /// The bus has gone: nobody will be asked any more, and a stop waits for the run's end.
        case disconnected
    }

    /// What has come, without waiting.
    public func takeNews() -> News? {
        bus.withLock { bus in
            var isStopRequested = false
            while true {
                switch bus.next() {
                case .message(let message):
                    isStopRequested = isStopRequested || Self.isStopRequest(message, on: bus)
                case .progress: continue
                case .nothing: return isStopRequested ? .stopRequested : nil
                case .disconnected: return isStopRequested ? .stopRequested : .disconnected
                }
            }
        }
    }

    /// Whoever is on the bus may send us signals: only those of whom the bus knows as systemd now (its connection changes
    /// when it executes itself anew) are systemd's.
    private static func isStopRequest(_ message: BusMessage, on bus: Bus) -> Bool {
        guard message.isSignal("RequestStop", of: "org.freedesktop.systemd1.Scope") else { return false }
        let owner = try? bus.callBus("GetNameOwner", Systemd.service, attempt: "look for systemd").readText()
        return owner != nil && owner == message.sender
    }

    // MARK: Asking for more

    public func setSliceWeights(cpu: UInt64?, io: UInt64?) throws(SystemdError) {
        try bus.withLock { bus in
            Result { () throws(SystemdError) in
                _ = try bus.call(
                    Systemd.method("SetUnitProperties"),
                    [
                        .string(RunUnits.slice), .bool(true),
                        [("CPUWeight", .uint64(cpu ?? .max)), ("IOWeight", .uint64(io ?? .max))].asBusValue,
                    ], attempt: "set the weights of \(RunUnits.slice)")
            }
        }.get()
    }

    public func moveOut(_ processes: [pid_t]) throws(SystemdError) {
        try bus.withLock { [request, manager] bus in
            Result { () throws(SystemdError) in
                try Self.start(request.units.leftovers, request.properties(ofLeftovers: processes), on: bus, manager)
            }
        }.get()
    }
}

extension CgroupTree {
    /// Makes the groups of a run where this machine lets us, in a scope that systemd is asked for on its bus, and removes
    /// those of runs that died.
    public static func prepare(run: RunID) -> CgroupSite {
        prepare(run: run) { run throws(SystemdError) in
            try TransientScope(
                starting: ScopeRequest(run: run, process: getpid()), by: geteuid() == 0 ? .system : .user(geteuid()))
        }
    }

    /// The scope, where systemd was asked for it on its bus.
    public var transientScope: TransientScope? { scope as? TransientScope }
}

private enum Systemd {
    static let service = "org.freedesktop.systemd1"
    static let manager = "org.freedesktop.systemd1.Manager"

    static func method(_ name: String) -> Bus.Method {
        Bus.Method(service: service, path: "/org/freedesktop/systemd1", interface: manager, name: name)
    }
}
