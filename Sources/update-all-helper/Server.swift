// The table of requests, and what becomes of the run when nobody asks any more.

import Auditing
import Cgroups
import Glibc
import HelperProtocol
import LinuxSystem
import SystemPackage
import SystemdCommands
import UpdateModel

/// Answers one update-all. One thread, one request at a time.
struct Server: ~Copyable {
    private let socket: CInt
    private var stop: StopSignal
    private let caller: Caller
    private let audit: AuditLog
    private var run: OpenRun?

    init(socket: CInt, caller: Caller) throws(SystemdError) {
        stop = try StopSignal()
        self.socket = socket
        self.caller = caller
        audit = AuditLog(for: caller.account, process: caller.process, program: "update-all-helper")
    }

    /// Answers until the run is over.
    /// - Returns: whether update-all said that it is.
    mutating func serve() -> Bool {
        var waiting = [socket, stop.descriptor.raw].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            _ = poll(&waiting, 2, -1)
            if stop.isHeard() {
                audit.note(event: "stop", because: "told by the first process")
                try? signalProcess(caller.handle, SIGTERM)
            }
            let packet: ReceivedPacket
            do {
                packet = try receivePacket(socket, capacity: HelperRequest.maximumSize)
            } catch {
                if error == .resourceTemporarilyUnavailable { continue }
                return end("the connection failed: \(error)")
            }
            guard case .packet(let bytes, let descriptors) = packet else { return end("update-all has gone") }
            defer { for descriptor in descriptors { close(descriptor) } }
            guard let request = HelperRequest(bytes: bytes), request.descriptorCount == descriptors.count else {
                // Whoever sends that is not update-all, or of another build: nothing it says is believed.
                return end("refused: a packet of \(bytes.count) bytes that is no request")
            }
            if answer(request, descriptors) { return true }
        }
    }

    /// - Returns: whether it was the last one.
    private mutating func answer(_ request: HelperRequest, _ descriptors: [CInt]) -> Bool {
        var result: (reply: HelperReply, descriptor: CInt?)
        do {
            result = try perform(request, descriptors)
        } catch let refusal as Refusal {
            result = (.refused(refusal.reason.fitting(HelperReply.maximumTextSize)), nil)
        } catch let error as CgroupError {
            let attempt = "\(error.attempt) \(error.path)".fitting(HelperReply.maximumTextSize)
            result = (.failed(attempt, errno: error.errno.rawValue), nil)
        } catch {
            let errno = error as? Errno ?? .ioError
            result = (.failed("answer", errno: errno.rawValue), nil)
        }
        if let bytes = result.reply.encoded() {
            try? sendPacket(socket, bytes, descriptors: result.descriptor.map { [$0] } ?? [])
        }
        // After the reply, which a step waits for. A look at a process that still runs changes nothing.
        if result.reply != .running { audit.note(request, result.reply) }
        guard case .finish = request else { return false }
        return true
    }

    private mutating func perform(
        _ request: HelperRequest, _ descriptors: [CInt]
    ) throws -> (HelperReply, CInt?) {
        if case .begin(let id, _) = request { return (try begin(id), nil) }
        guard let run else { throw Refusal(reason: "no run has begun") }
        switch request {
        case .begin: break
        case .makeGroup(let group, let writes): return (try run.make(group, writes), nil)
        case .limit(let place, let writes): return (try run.limit(place, writes), nil)
        case .kill(let place): try run.kill(place)
        case .freeze(let isFrozen): try run.tree.freezeSteps(isFrozen)
        case .remove(let group): try run.remove(group)
        case .launch(let launch): return try run.launch(launch, descriptors)
        case .sudo(let command): return try run.sudo(command, descriptors)
        case .signal(let process, let number): try run.signal(process, number)
        case .signalAll(let group, let number): try run.signalAll(group, number)
        case .reap(let process): return (try run.reap(process), nil)
        case .finish:
            run.close()
            self.run = nil
        }
        return (.done, nil)
    }

    private mutating func begin(_ id: RunID) throws -> HelperReply {
        guard run == nil else { throw Refusal(reason: "a run has begun already") }
        guard id.processID == caller.process else {
            throw Refusal(reason: "\(id) is not the run of the process \(caller.process)")
        }
        let opened = try OpenRun(id, for: caller)
        audit.policyHash = opened.rights.policyHash
        run = opened
        return .ready(opened.site)
    }

    /// What the guardian does for a person's own steps: those that may be ended are, commits end by themselves.
    private mutating func end(_ cause: String) -> Bool {
        audit.note(event: "end", because: cause)
        guard let run else { return false }
        try? run.tree.killSteps()
        // A group goes only after its last process.
        try? run.tree.waitForSteps(limit: .seconds(10))
        try? run.tree.waitForCommits()
        run.close()
        return false
    }
}
