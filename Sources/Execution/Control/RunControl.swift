// Answers who asks a run how it is doing, or wants it to do something else. Lives on the event loop's thread.

import Glibc
import Interchange
import LinuxSystem
import Reactor
import RunModel
import SystemPackage
import UpdateModel

/// The run's side of its control socket.
final class RunControl {
    /// What a run lets others do with it.
    struct Levers {
        /// Whether it was told to end.
        var isEnding: () -> Bool
        var isFrozen: () -> Bool
        /// Starts nothing more, and freezes what may be frozen. Returns why it cannot freeze, as a sentence.
        var pause: () -> String?
        /// Returns why what is frozen cannot go on, as a sentence.
        var resume: () -> String?
        /// As Ctrl-C.
        var cancel: () -> Void
        /// Gives values of the policy for `user`. Returns sentences, or why it was not done; `nil`: `haveSet` will tell.
        var set: (_ settings: [String], _ user: String) -> Result<[String], ControlReply.Refusal>?
        var publish: (Intervention) -> Void
    }

    /// Who the run is.
    struct Identity {
        var run: RunID
        var version: String
        /// The account that it belongs to.
        var user: String
        var start: Timestamp
        var policy: String
    }

    private let identity: Identity
    private let levers: Levers
    private let loop: EventLoop
    private var server: ControlServer?
    private var chronicle: RunChronicle
    private let begin: Duration
    private var pause: (user: String, since: Duration)?
    /// Who waits for what comes of values of the policy.
    private var setReply: ((ControlReply) -> Void)?
    /// What was said before anybody could be told.
    private var untold: [Intervention]? = []

    init(_ identity: Identity, loop: EventLoop, levers: Levers) {
        self.identity = identity
        self.levers = levers
        self.loop = loop
        begin = loop.now
        chronicle = RunChronicle(start: begin)
    }

    /// Begins to listen.
    func open(in state: String) throws(Errno) {
        server = try ControlServer(in: state, loop: loop) { [unowned self] request, peer, reply in
            answer(request, from: peer) { reply($0.line) }
        }
    }

    func close() {
        server?.close()
        server = nil
    }

    var isPaused: Bool { pause != nil }

    /// Takes an event of the run, of any kind but output.
    func take(_ body: Event.Body, of plugin: PluginName?) {
        chronicle.take(body, of: plugin, at: monotonicTime())
        guard case .runStart = body, let early = untold else { return }
        // The journal has begun.
        untold = nil
        for intervention in early { levers.publish(intervention) }
    }

    /// A run that is to end is not paused any more.
    func endPause() {
        guard pause != nil else { return }
        pause = nil
        publish(Intervention(.resume, by: nil))
        _ = levers.resume()
    }

    private func publish(_ intervention: Intervention) {
        if untold == nil { levers.publish(intervention) } else { untold?.append(intervention) }
    }

    // MARK: Answers

    private func answer(_ request: [UInt8], from peer: Peer, _ reply: @escaping (ControlReply) -> Void) {
        guard peer.user == 0 || peer.user == geteuid() else {
            return reply(
                ControlReply(
                    .init(
                        .authentication, "this run belongs to \(identity.user): only that account and root may ask it"))
            )
        }
        guard request.count <= ControlServer.requestLimit else {
            return reply(
                ControlReply(.init(.usage, "the request is longer than \(ControlServer.requestLimit) bytes")))
        }
        do throws(EventDecodingError) {
            answer(try ControlRequest(request), by: name(of: peer.user), reply)
        } catch {
            let reason =
                switch error {
                case .invalid(let error): "this is no request: \(error)"
                case .unknown(let error): "the run is one of update-all \(identity.version), older than this: \(error)"
                }
            reply(ControlReply(.init(.usage, reason)))
        }
    }

    private func name(of user: uid_t) -> String {
        if user == geteuid() { return identity.user }
        return ((try? Account.numbered(user)) ?? nil)?.name ?? "\(user)"
    }

    private func answer(_ request: ControlRequest, by user: String, _ reply: @escaping (ControlReply) -> Void) {
        switch request {
        case .status: reply(ControlReply(status: status))
        case .pause: reply(pause(by: user))
        case .resume: reply(resume(by: user))
        case .cancel: reply(cancel(by: user))
        case .set(let settings): set(settings, by: user, reply)
        }
    }

    private func set(_ settings: [String], by user: String, _ reply: @escaping (ControlReply) -> Void) {
        guard setReply == nil else {
            let reason = "somebody else changes the policy at the moment; try again"
            return reply(ControlReply(.init(.failure, reason), status: status))
        }
        setReply = reply
        if let result = levers.set(settings, user) { haveSet(result) }
    }

    /// What came of values of the policy.
    func haveSet(_ result: Result<[String], ControlReply.Refusal>) {
        guard let reply = setReply else { return }
        setReply = nil
        switch result {
        case .success(let notes): reply(ControlReply(notes: notes, status: status))
        case .failure(let refusal): reply(ControlReply(refusal, status: status))
        }
    }

    private func pause(by user: String) -> ControlReply {
        if levers.isEnding() || chronicle.hasEnded {
            return ControlReply(
                .init(.failure, "the run \(identity.run) is ending: there is nothing to pause"), status: status)
        }
        if let pause {
            return ControlReply(notes: ["the run \(identity.run) is paused already, by \(pause.user)"], status: status)
        }
        pause = (user, monotonicTime())
        publish(Intervention(.pause, by: user))
        let obstacle = levers.pause()
        var notes = ["the run \(identity.run) is paused: nothing is started until update-all resume"]
        if let obstacle { notes.append("what runs goes on: \(obstacle)") }
        let status = status
        func names(_ wanted: (StepStatus) -> Bool) -> String {
            status.steps.filter(wanted).map(\.step.description).joined(separator: ", ")
        }
        let frozen = names { $0.state == .frozen }
        if !frozen.isEmpty { notes.append("frozen: \(frozen)") }
        let commits = names { $0.isProtected && ($0.state == .running || $0.state == .stopping) }
        if !commits.isEmpty { notes.append("commits go on to their end: \(commits)") }
        return ControlReply(notes: notes, status: status)
    }

    private func resume(by user: String) -> ControlReply {
        guard pause != nil else {
            let throttled = isThrottled ? "; it has stepped back for others, and comes back by itself" : ""
            return ControlReply(notes: ["the run \(identity.run) is not paused\(throttled)"], status: status)
        }
        pause = nil
        publish(Intervention(.resume, by: user))
        var notes = ["the run \(identity.run) goes on"]
        if let obstacle = levers.resume() { notes.append("what is frozen stays so: \(obstacle)") }
        if isThrottled { notes.append("it has stepped back for others, and stays so until they are well") }
        return ControlReply(notes: notes, status: status)
    }

    private var isThrottled: Bool { status.throttle.map { $0.state != .normal } ?? false }

    private func cancel(by user: String) -> ControlReply {
        let isAgain = levers.isEnding()
        publish(Intervention(.cancel, by: user))
        levers.cancel()
        let status = status
        var notes = [
            isAgain
                ? "the run \(identity.run) ends at once what it may end" : "the run \(identity.run) is told to end"
        ]
        let commits = status.steps.filter { $0.isProtected && ($0.state == .running || $0.state == .stopping) }
        if !commits.isEmpty {
            let names = commits.map(\.step.description).joined(separator: ", ")
            notes.append("commits are waited for, since they would be broken in the middle: \(names)")
        }
        return ControlReply(notes: notes, status: status)
    }

    private var status: RunStatus {
        let now = monotonicTime()
        let state: RunStatus.State =
            if levers.isEnding() || chronicle.hasEnded { .ending } else { chronicle.hasPlan ? .running : .preparing }
        var status = RunStatus(
            run: identity.run, version: identity.version, processID: getpid(), user: identity.user,
            start: identity.start, policy: identity.policy, state: state, elapsed: now - begin)
        status.pause = pause.map { RunStatus.Pause(user: $0.user, duration: now - $0.since) }
        chronicle.complete(&status, isFrozen: levers.isFrozen(), at: now)
        return status
    }
}
