// The socket on which a run is asked and steered: its connections, one request and one reply each. It knows nothing of what
// they say, and no client can keep the event loop waiting.

import Glibc
import LinuxSystem
import Reactor
import SystemPackage
import UpdateModel

/// Where in a state directory the run in progress is found.
enum ControlPlace {
    static let directory = "current"
    static let socket = "control"
}

/// Listens in `STATE/current`. Lives on the event loop's thread.
///
/// At the bounds: connections beyond `connectionLimit` wait in the kernel's queue, a request that is too long is refused, and
/// a client that does not write its request, or does not read its reply, for `patience` is dropped.
final class ControlServer {
    static let connectionLimit = 8
    static let requestLimit = 64 << 10
    private static let backlog = 16

    /// Takes a request without its line feed; to be answered once by the closure, now or later.
    typealias Handler = (_ request: [UInt8], _ peer: Peer, _ reply: @escaping ([UInt8]) -> Void) -> Void

    private let directory: OwnedDescriptor
    private let parent: OwnedDescriptor
    private let listener: OwnedDescriptor
    private let loop: EventLoop
    private let patience: Duration
    private let handler: Handler
    private var watch: EventLoop.Watch?
    private var retry: EventLoop.Timer?
    private var connections: [ObjectIdentifier: Connection] = [:]

    /// Makes the socket in place of one that a dead run left. The caller holds the lock of the state directory.
    init(
        in state: String, loop: EventLoop, patience: Duration = .seconds(5), handler: @escaping Handler
    ) throws(Errno) {
        self.loop = loop
        self.patience = patience
        self.handler = handler
        parent = try openFile(state, O_RDONLY | O_DIRECTORY)
        do throws(Errno) {
            try makeDirectory(ControlPlace.directory, in: parent.raw, mode: 0o700)
        } catch  where error == .fileExists {
            // Of an earlier run.
        }
        directory = try openDirectory(ControlPlace.directory, in: parent.raw)
        fchmod(directory.raw, 0o700)
        do throws(Errno) {
            try removeFile(ControlPlace.socket, in: directory.raw)
        } catch  where error == .noSuchFileOrDirectory {
            // The earlier run ended by itself.
        }
        listener = try listenLocally(ControlPlace.socket, in: directory.raw, backlog: Self.backlog)
        watch = try loop.watch(listener.raw, for: .readable) { [unowned self] _ in accept() }
    }

    /// Answers nobody any more, and removes the socket.
    func close() {
        watch?.cancel()
        watch = nil
        retry?.cancel()
        for connection in connections.values { connection.close() }
        connections = [:]
        try? removeFile(ControlPlace.socket, in: directory.raw)
        try? removeDirectory(ControlPlace.directory, in: parent.raw)
    }

    private func accept() {
        do throws(Errno) {
            let socket = try acceptConnection(listener.raw)
            let peer = try Peer(of: socket.raw)
            let connection = try Connection(
                socket, peer: peer, loop: loop, patience: patience, handler: handler
            ) { [unowned self] in ended($0) }
            connections[ObjectIdentifier(connection)] = connection
            if connections.count >= Self.connectionLimit { watch?.pause() }
        } catch  where error == .resourceTemporarilyUnavailable || error == .connectionAbort {
            return
        } catch {
            // No descriptors are left, say: it would be reported again at once and for ever.
            watch?.pause()
            retry = loop.schedule(at: loop.now + .seconds(1)) { [weak self] in self?.listenAgain() }
        }
    }

    private func ended(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        listenAgain()
    }

    private func listenAgain() {
        if connections.count < Self.connectionLimit { try? watch?.resume() }
    }
}

/// One client.
private final class Connection {
    private let socket: OwnedDescriptor
    private let peer: Peer
    private let loop: EventLoop
    private let patience: Duration
    private let handler: ControlServer.Handler
    private let onEnd: (Connection) -> Void
    private var watch: EventLoop.Watch?
    private var timer: EventLoop.Timer?
    private var request: [UInt8] = []
    private var reply: ArraySlice<UInt8> = []
    private var isOver = false

    init(
        _ socket: consuming OwnedDescriptor, peer: Peer, loop: EventLoop, patience: Duration,
        handler: @escaping ControlServer.Handler, onEnd: @escaping (Connection) -> Void
    ) throws(Errno) {
        self.socket = socket
        self.peer = peer
        self.loop = loop
        self.patience = patience
        self.handler = handler
        self.onEnd = onEnd
        watch = try loop.watch(self.socket.raw, for: .readable) { [unowned self] _ in read() }
        beginWaiting()
    }

    func close() {
        guard !isOver else { return }
        isOver = true
        watch?.cancel()
        timer?.cancel()
    }

    private func end() {
        guard !isOver else { return }
        close()
        onEnd(self)
    }

    private func beginWaiting() {
        timer?.cancel()
        timer = loop.schedule(at: loop.now + patience) { [weak self] in self?.end() }
    }

    private func read() {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, initialized in
            count = (try? readBytes(socket.raw, into: UnsafeMutableRawBufferPointer(buffer))) ?? -1
            initialized = max(0, count)
        }
        // The readiness was seen a moment ago, so an error is no wait but an end.
        guard count > 0 else { return end() }
        request += bytes
        let line = request.firstIndex(of: 0x0A)
        guard line != nil || request.count > ControlServer.requestLimit else { return }
        watch?.cancel()
        watch = nil
        // From here on it is we who may take long.
        timer?.cancel()
        let taken = line.map { Array(request[..<$0]) } ?? request
        request = []
        handler(taken, peer) { [weak self] bytes in self?.answer(bytes) }
    }

    private func answer(_ bytes: [UInt8]) {
        guard !isOver else { return }
        reply = bytes[...]
        beginWaiting()
        write()
    }

    private func write() {
        do throws(Errno) {
            while !reply.isEmpty {
                let count = try reply.withUnsafeBytes { buffer in
                    Result { () throws(Errno) in try writeSome(socket.raw, buffer) }
                }.get()
                reply = reply.dropFirst(count)
            }
            end()
        } catch  where error == .resourceTemporarilyUnavailable {
            if watch == nil {
                watch = try? loop.watch(socket.raw, for: .writable) { [unowned self] _ in write() }
            }
        } catch {
            end()
        }
    }
}
