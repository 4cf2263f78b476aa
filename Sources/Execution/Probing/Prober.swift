// Asks plugins what their manifests do not answer: several at a time, each question in a small group of its own, and
// those that do work only while nothing that they may meet is at work.

import DequeModule
import LinuxSystem
import PluginManifests
import PluginProtocol
import Reactor
import UpdateModel

/// Runs the conversations with all plugins. Lives on the event loop's thread.
final class Prober {
    /// Questions are cheap and mostly wait: more of them than CPUs run at once.
    private static let parallelPerCPU = 4

    private let loop: EventLoop
    private let questioner: Questioner
    private let locks: ForeignLocks
    /// Whether a plugin has a program.
    private let hasProgram: (DiscoveredPlugin, String) -> Bool
    private let purpose: ProbeConversation.Purpose
    private let slots: Int
    /// Told, once for each lock, what a plugin waits for.
    private let onWaiting: (PluginName, ForeignHold) -> Void

    private var conversations: [PluginName: Conversation] = [:]
    /// Who has a question that can be asked as soon as there is a slot and nothing of ours excludes it.
    private var ready: Deque<PluginName> = []
    private var running: Set<PluginName> = []
    private var isFilling = false
    private var results: [PluginFacts] = []
    private var completion: (([PluginFacts]) -> Void)?
    private var isCancelled = false

    private struct Conversation {
        let plugin: DiscoveredPlugin
        var rules: ProbeConversation
        /// The one that is asked, or is to be.
        var question: ProbeQuestion?
        var process: StartedStep?
        /// Until it is asked again.
        var pause: EventLoop.Timer?
        /// When what others hold is no longer waited for.
        var deadline: EventLoop.Timer?
        var hold: ForeignHold?
        /// Mutexes that are locked against other runs while it is asked.
        var locked: [String] = []
    }

    init(
        loop: EventLoop, questioner: Questioner, locks: ForeignLocks,
        hasProgram: @escaping (DiscoveredPlugin, String) -> Bool, purpose: ProbeConversation.Purpose, cpus: Int,
        onWaiting: @escaping (PluginName, ForeignHold) -> Void
    ) {
        self.loop = loop
        self.questioner = questioner
        self.locks = locks
        self.hasProgram = hasProgram
        self.purpose = purpose
        self.onWaiting = onWaiting
        slots = max(4, cpus * Self.parallelPerCPU)
    }

    /// Calls `completion` with the facts of all plugins, by name. One that answers for ever ends by its timeout.
    func probe(_ plugins: [DiscoveredPlugin], completion: @escaping ([PluginFacts]) -> Void) {
        self.completion = completion
        for plugin in plugins {
            var rules = ProbeConversation(with: plugin, for: purpose) { [hasProgram] in hasProgram(plugin, $0) }
            let action = rules.begin()
            conversations[plugin.name] = Conversation(plugin: plugin, rules: rules)
            perform(action, for: plugin.name)
        }
        fill()
    }

    /// Ctrl-C: what is asked is ended, and nothing more is asked, what waits to be asked again included.
    func cancel() {
        isCancelled = true
        for (name, conversation) in conversations {
            if let process = conversation.process {
                process.process?.stop(.cancelled(signal: SignalNumber.interrupt), isUrgent: true)
            } else {
                enqueue(name)
            }
        }
        fill()
    }

    // MARK: Conversations

    private func perform(_ action: ProbeConversation.Action, for name: PluginName) {
        switch action {
        case .finish(let facts):
            results.append(facts)
            conversations[name] = nil
        case .ask(let question):
            conversations[name]?.question = question
            guard question.delay > .zero, !isCancelled else { return enqueue(name) }
            conversations[name]?.pause = loop.schedule(at: monotonicTime() + question.delay) { [weak self] in
                self?.enqueue(name)
                self?.fill()
            }
        }
    }

    private func enqueue(_ name: PluginName) {
        conversations[name]?.pause?.cancel()
        conversations[name]?.pause = nil
        if !ready.contains(name) { ready.append(name) }
    }

    private func answered(_ answer: Answer, by name: PluginName) {
        running.remove(name)
        guard var conversation = conversations[name] else { return }
        locks.release(conversation.locked)
        conversation.locked = []
        conversation.process = nil
        let action = conversation.rules.take(answer)
        conversations[name] = conversation
        perform(action, for: name)
        fill()
    }

    private func giveUp(_ name: PluginName, _ verdict: PluginFacts.Verdict) {
        guard var conversation = conversations[name] else { return }
        conversation.deadline?.cancel()
        let action = conversation.rules.giveUp(with: verdict)
        conversations[name] = conversation
        perform(action, for: name)
    }

    // MARK: What can be asked

    /// Starts what can be; whoever is excluded by a question that runs keeps its place.
    private func fill() {
        // A process that cannot be started answers at once, and comes back here.
        guard !isFilling else { return }
        isFilling = true
        var position = 0
        while position < ready.count, running.count < slots {
            let name = ready[position]
            if conversations[name] == nil {
                ready.remove(at: position)
            } else if isCancelled {
                ready.remove(at: position)
                answered(Answer(.signalled(SignalNumber.interrupt)), by: name)
            } else if isExcluded(name) {
                position += 1
            } else {
                ready.remove(at: position)
                ask(name)
            }
        }
        isFilling = false
        if conversations.isEmpty, let completion {
            self.completion = nil
            locks.cancel()
            completion(results.sorted { $0.name < $1.name })
        }
    }

    /// Whether a question that is being asked holds what the next one to `name` needs.
    private func isExcluded(_ name: PluginName) -> Bool {
        guard let question = conversations[name]?.question, question.isWork else { return false }
        return running.contains { other in
            guard let asked = conversations[other]?.question, asked.isWork else { return false }
            return question.conflicts.contains(other) || asked.conflicts.contains(name)
                || !asked.mutexes.isDisjoint(with: question.mutexes.union(question.free))
        }
    }

    private func ask(_ name: PluginName) {
        guard var conversation = conversations[name], let question = conversation.question else { return }
        // A plugin that needs root and that we cannot run so is asked as the person: reading needs no more.
        var account = conversation.plugin.manifest?.runAs ?? .invokingUser
        if let refusal = questioner.refusal(of: conversation.plugin, as: account) {
            guard account != .invokingUser, questioner.refusal(of: conversation.plugin, as: .invokingUser) == nil else {
                return giveUp(name, .refused(refusal.outcome, refusal.reason))
            }
            account = .invokingUser
        }
        let held = question.mutexes.map(\.rawValue).sorted()
        let free = question.free.map(\.rawValue).sorted()
        if let hold = locks.acquire(held, free: free, files: question.locks) { return wait(name, for: hold) }
        conversation.locked = held
        conversation.deadline?.cancel()
        conversation.deadline = nil
        conversations[name] = conversation
        running.insert(name)
        let process = questioner.ask(
            question.command, of: conversation.plugin, as: account, timeout: question.timeout
        ) { [weak self] answer in
            self?.answered(answer, by: name)
        }
        // Where it could not be started, its conversation has gone on already.
        if let process { conversations[name]?.process = process }
    }

    // MARK: What others hold

    private func wait(_ name: PluginName, for hold: ForeignHold) {
        guard let conversation = conversations[name] else { return }
        if conversation.hold?.lock != hold.lock { onWaiting(name, hold) }
        conversations[name]?.hold = hold
        if conversation.deadline == nil {
            let limit = questioner.rules(name).settings.waitTimeout
            conversations[name]?.deadline = loop.schedule(at: monotonicTime() + limit) { [weak self] in
                guard let self, let hold = conversations[name]?.hold else { return }
                ready.removeAll { $0 == name }
                giveUp(name, .failed(.deferred, hold.notReleased(within: limit)))
                fill()
            }
        }
        locks.whenFree(hold.lock) { [weak self] in
            guard let self else { return }
            for (name, conversation) in conversations.sorted(by: { $0.key < $1.key })
            where conversation.process == nil && conversation.hold?.lock == hold.lock && conversation.deadline != nil {
                enqueue(name)
            }
            fill()
        }
    }
}
