// One connection to a message bus, by systemd's own client library.

import CSystemd
import Cgroups
import Glibc
import SystemPackage

/// The functions of libsystemd, once loaded.
private enum Library {
    static let functions: Result<csd_functions, SystemdError> = {
        var functions = csd_functions()
        var reason = [CChar](repeating: 0, count: 256)
        if csd_load(&functions, &reason, CInt(reason.count)) == 0 { return .success(functions) }
        let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return .failure(
            SystemdError(
                attempt: "load systemd's library", reason: text,
                advice: "install it (the package libsystemd0 or systemd-libs)"))
    }()
}

/// A connection, to be used by one thread at a time.
final class Bus {
    /// Signals and replies that came unasked or early wait in the library, at most as many as it allows (384).
    private let functions: csd_functions
    private let connection: OpaquePointer

    /// Connects, and is known to the bus afterwards.
    /// - Parameter path: of the bus's socket.
    init(connectingTo path: String) throws(SystemdError) {
        functions = try Library.functions.get()
        var connection: OpaquePointer?
        var result = functions.bus_new(&connection)
        guard let connection, result >= 0 else {
            throw SystemdError(attempt: "connect to the bus \(path)", reason: "\(Errno(rawValue: -result))")
        }
        self.connection = connection
        result = functions.bus_set_address(connection, "unix:path=\(path)")
        if result >= 0 { result = functions.bus_set_bus_client(connection, 1) }
        if result >= 0 { result = functions.bus_start(connection) }
        if result < 0 {
            throw SystemdError(attempt: "connect to the bus \(path)", reason: "\(Errno(rawValue: -result))")
        }
    }

    deinit {
        functions.bus_close(connection)
        _ = functions.bus_unref(connection)
    }

    /// What the bus calls this connection, such as `:1.42`.
    func uniqueName() throws(SystemdError) -> String {
        var name: UnsafePointer<CChar>?
        let result = functions.bus_get_unique_name(connection, &name)
        guard let name, result >= 0 else {
            throw SystemdError(attempt: "greet the bus", reason: "\(Errno(rawValue: -result))")
        }
        return String(cString: name)
    }

    /// Readable when something has come. It stays this one as long as the connection.
    var descriptor: CInt { functions.bus_get_fd(connection) }

    // MARK: Calls

    /// A method of an object.
    struct Method {
        var service: String
        var path: String
        var interface: String
        var name: String
    }

    private static let callLimit = Duration.seconds(10)

    /// Calls a method and waits for its reply, for 10 s.
    /// - Parameter attempt: for the error.
    @discardableResult
    func call(_ method: Method, _ arguments: [BusValue], attempt: String) throws(SystemdError) -> BusMessage {
        var made: OpaquePointer?
        var result = functions.bus_message_new_method_call(
            connection, &made, method.service, method.path, method.interface, method.name)
        guard let made, result >= 0 else {
            throw SystemdError(attempt: attempt, reason: "\(Errno(rawValue: -result))")
        }
        let message = BusMessage(owning: made, functions)
        result = message.append(arguments)
        if result < 0 { throw SystemdError(attempt: attempt, reason: "\(Errno(rawValue: -result))") }
        var error = csd_error()
        var reply: OpaquePointer?
        let microseconds = UInt64(Self.callLimit.components.seconds) * 1_000_000
        result = functions.bus_call(connection, message.raw, microseconds, &error, &reply)
        defer { functions.bus_error_free(&error) }
        guard let reply, result >= 0 else {
            let words = error.message.map { String(cString: $0) } ?? "\(Errno(rawValue: -result))"
            throw SystemdError(attempt: attempt, reason: words)
        }
        return BusMessage(owning: reply, functions)
    }

    /// Asks the bus itself.
    @discardableResult
    func callBus(_ name: String, _ argument: String, attempt: String) throws(SystemdError) -> BusMessage {
        let bus = "org.freedesktop.DBus"
        return try call(
            Method(service: bus, path: "/org/freedesktop/DBus", interface: bus, name: name), [.string(argument)],
            attempt: attempt)
    }

    // MARK: What comes unasked

    enum Arrival {
        case message(BusMessage)
        /// Something was done with what has come; there may be more.
        case progress
        case nothing
        /// The other end has closed the connection, or broke its rules.
        case disconnected
    }

    /// Takes the next message, without waiting.
    func next() -> Arrival {
        var message: OpaquePointer?
        let result = functions.bus_process(connection, &message)
        if let message { return .message(BusMessage(owning: message, functions)) }
        if result < 0 { return .disconnected }
        return result > 0 ? .progress : .nothing
    }

    /// Waits until something has come.
    func wait(limit: Duration) {
        let (seconds, attoseconds) = max(.zero, limit).components
        _ = functions.bus_wait(connection, UInt64(seconds) * 1_000_000 + UInt64(attoseconds / 1_000_000_000_000))
    }
}

/// A message that was received, or is being made.
final class BusMessage {
    fileprivate let raw: OpaquePointer
    private let functions: csd_functions

    fileprivate init(owning raw: OpaquePointer, _ functions: csd_functions) {
        self.raw = raw
        self.functions = functions
    }

    deinit { _ = functions.bus_message_unref(raw) }

    func isSignal(_ name: String, of interface: String) -> Bool {
        functions.bus_message_is_signal(raw, interface, name) > 0
    }

    /// The bus vouches for it.
    var sender: String? { functions.bus_message_get_sender(raw).map { String(cString: $0) } }

    /// The next argument, where it is a text: `s`, or `o` for an object's path.
    func readText(_ type: Unicode.Scalar = "s") -> String? {
        var text: UnsafePointer<CChar>?
        guard functions.bus_message_read_basic(raw, CChar(type.value), &text) > 0 else { return nil }
        return text.map { String(cString: $0) }
    }

    func readUInt32() -> UInt32? {
        var number: UInt32 = 0
        return functions.bus_message_read_basic(raw, CChar(Unicode.Scalar("u").value), &number) > 0 ? number : nil
    }

    /// - Returns: a negative errno where it fails.
    fileprivate func append(_ values: [BusValue]) -> CInt {
        for value in values {
            let result = append(value)
            if result < 0 { return result }
        }
        return 0
    }

    private func append(_ value: BusValue) -> CInt {
        func basic(_ type: Unicode.Scalar, _ pointer: UnsafeRawPointer?) -> CInt {
            functions.bus_message_append_basic(raw, CChar(type.value), pointer)
        }
        func container(_ type: Unicode.Scalar, _ contents: String, _ members: [BusValue]) -> CInt {
            var result = functions.bus_message_open_container(raw, CChar(type.value), contents)
            if result >= 0 { result = append(members) }
            return result < 0 ? result : functions.bus_message_close_container(raw)
        }
        switch value {
        case .string(let text): return text.withCString { basic("s", $0) }
        case .bool(let flag): return withUnsafePointer(to: CInt(flag ? 1 : 0)) { basic("b", $0) }
        case .int32(let number): return withUnsafePointer(to: number) { basic("i", $0) }
        case .uint32(let number): return withUnsafePointer(to: number) { basic("u", $0) }
        case .uint64(let number): return withUnsafePointer(to: number) { basic("t", $0) }
        case .structure(let members): return container("r", members.map(\.signature).joined(), members)
        case .variant(let content): return container("v", content.signature, [content])
        case .array(let elements, let element): return container("a", element, elements)
        }
    }
}
