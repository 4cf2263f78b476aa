import Cgroups
import Glibc
import Testing
import UpdateModel

@testable import Systemd

@Suite("What systemd is asked for")
struct ScopeTests {
    private let request = ScopeRequest(
        run: RunID(start: Timestamp(millisecondsSince1970: 0), processID: 4711), process: 4711)

    private func property(_ name: String, of manager: ServiceManager = .system) -> BusValue? {
        request.properties(controller: ":1.7", of: manager).first { $0.name == name }?.value
    }

    @Test("A scope is named by its run, in a slice whose name nests in no other")
    func names() {
        #expect(request.units.scope == "update-all-19700101-000000-4711.scope")
        #expect(property("Slice") == .string("updateall.slice"))
        #expect(property("PIDs") == .array([.uint32(4711)], of: "u"))
    }

    @Test("To stop the scope is to ask us and to wait, without a signal that does anything and without an end")
    func stopping() {
        #expect(property("Controller") == .string(":1.7"))
        #expect(property("TimeoutStopUSec") == .uint64(.max))
        #expect(property("KillSignal") == .int32(SIGCONT))
        #expect(property("SendSIGKILL") == .bool(false))
    }

    @Test("Nothing of systemd's own limits is above a commit")
    func limits() {
        #expect(property("Delegate") == .bool(true))
        #expect(property("TasksMax") == .uint64(.max))
        let names = request.properties(controller: ":1.7", of: .system).map(\.name)
        #expect(Set(names).isDisjoint(with: ["MemoryMax", "MemoryHigh", "RuntimeMaxUSec", "OOMPolicy"]))
    }

    @Test("Until the scope has stopped the bus stays, and for the machine's updates the network")
    func order() {
        #expect(
            property("After", of: .user(1000)) == .array([.string("basic.target"), .string("dbus.service")], of: "s"))
        guard case .array(let units, _) = property("After") else { return #expect(Bool(false)) }
        #expect(units.contains(.string("network.target")))
    }

    @Test("Values are sent with the types that systemd expects")
    func types() {
        let call = request.properties(controller: ":1.7", of: .system).asBusValue
        #expect(call.signature == "a(sv)")
        #expect(BusValue.array([], of: "(sa(sv))").signature == "a(sa(sv))")
        #expect(BusValue.structure([.string("PIDs"), .variant(.array([], of: "u"))]).signature == "(sv)")
        #expect(BusValue.array([.uint32(1)], of: "u").signature == "au")
        #expect([BusValue.bool(true), .int32(1), .uint64(1)].map(\.signature) == ["b", "i", "t"])
    }

    @Test("A person's bus is that of their own account, and where there is none, the error says what helps")
    func noBus() {
        let nobody = uid_t(4_000_000)
        #expect(ServiceManager.user(nobody).busPath == "/run/user/4000000/bus")
        let error = #expect(throws: SystemdError.self) {
            try TransientScope(starting: request, by: .user(nobody))
        }
        #expect(
            error?.description.contains("/run/user/4000000/bus: No such file") == true, "\(String(describing: error))")
        #expect(error?.advice.contains("enable-linger") == true)
    }
}
