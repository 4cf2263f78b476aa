// Asks plugins what their manifests do not answer: several at a time, each question in a small group of its own.

import LinuxSystem
import PluginProtocol
import Policy
import UpdateModel

/// Runs the conversations with all plugins. Lives on the event loop's thread.
final class Prober {
    /// Questions are cheap and mostly wait: more of them than CPUs run at once.
    private static let parallelPerCPU = 4

    private let loop: EventLoop
    private let starter: StepStarter
    private let settings: (PluginName) -> (StepSettings, [ControlWrite])
    private let programs: ProgramLookup
    private let purpose: ProbeConversation.Purpose
    private let slots: Int

    private var queue: [DiscoveredPlugin] = []
    private var conversations: [PluginName: Conversation] = [:]
    private var results: [PluginFacts] = []
    private var completion: (([PluginFacts]) -> Void)?
    private var isCancelled = false

    private struct Conversation {
        var plugin: DiscoveredPlugin
        var rules: ProbeConversation
        var questions = 0
        var running: StartedStep?
    }

    /// - Parameter settings: what the policy gives the check phase of a plugin, with its control writes.
    init(
        loop: EventLoop, starter: StepStarter, programs: ProgramLookup, purpose: ProbeConversation.Purpose, cpus: Int,
        settings: @escaping (PluginName) -> (StepSettings, [ControlWrite])
    ) {
        self.loop = loop
        self.starter = starter
        self.programs = programs
        self.purpose = purpose
        self.settings = settings
        slots = max(4, cpus * Self.parallelPerCPU)
    }

    /// Calls `completion` with the facts of all plugins, by name. One that answers for ever ends by its timeout.
    func probe(_ plugins: [DiscoveredPlugin], completion: @escaping ([PluginFacts]) -> Void) {
        queue = plugins.reversed()
        self.completion = completion
        fill()
    }

    /// Ctrl-C: what is asked is ended, and nothing more is asked.
    func cancel() {
        isCancelled = true
        queue = []
        for conversation in conversations.values {
            conversation.running?.process?.stop(.cancelled(signal: SignalNumber.interrupt), isUrgent: true)
        }
    }

    private func fill() {
        while conversations.count < slots, let plugin = queue.popLast() {
            var rules = ProbeConversation(with: plugin, for: purpose) { [programs] in programs.isOnPath($0) }
            let action = rules.begin()
            conversations[plugin.name] = Conversation(plugin: plugin, rules: rules)
            perform(action, for: plugin.name)
        }
        if conversations.isEmpty, queue.isEmpty, let completion {
            self.completion = nil
            completion(results.sorted { $0.name < $1.name })
        }
    }

    private func perform(_ action: ProbeConversation.Action, for name: PluginName) {
        switch action {
        case .finish(let facts):
            results.append(facts)
            conversations[name] = nil
        case .ask(let question) where question.delay > .zero:
            loop.schedule(at: monotonicTime() + question.delay) { [weak self] in self?.ask(question, of: name) }
        case .ask(let question):
            ask(question, of: name)
        }
    }

    private func ask(_ question: ProbeQuestion, of name: PluginName) {
        guard var conversation = conversations[name] else { return }
        if isCancelled { return answered(Answer(.signalled(SignalNumber.interrupt)), by: name) }
        conversation.questions += 1
        let (settings, limits) = settings(name)
        var command = StepCommand(
            plugin: conversation.plugin, step: StepID(name, .check), command: question.command,
            attempt: conversation.questions, runAs: conversation.plugin.manifest?.runAs ?? .invokingUser,
            settings: settings, limits: limits, timeout: question.timeout)
        // A person's plugin that needs root is asked as the person: reading needs no more.
        if !starter.canRun(as: command.runAs, for: conversation.plugin) { command.runAs = .invokingUser }
        let output = AnswerCollector(limit: question.command.answerLimit)
        do throws(StartFailure) {
            conversation.running = try starter.start(
                command, output: output, onNotice: { _ in },
                onEnd: { [weak self] end in
                    self?.ended(end, output: output, of: name)
                })
            conversations[name] = conversation
        } catch {
            conversations[name] = conversation
            answered(Answer(.notStarted(error.reason)), by: name)
        }
    }

    private func ended(_ end: ProcessLifecycle.End, output: AnswerCollector, of name: PluginName) {
        conversations[name]?.running?.cleanUp(after: end)
        conversations[name]?.running = nil
        let ending: Answer.Ending =
            switch end.cause {
            case .timedOut(let limit): .timedOut(after: limit)
            default: end.exit.isSignal ? .signalled(end.exit.status) : .exited(end.exit.status)
            }
        answered(
            Answer(ending, output: output.answer, isCut: output.isCut, lastErrorLine: output.lastErrorLine), by: name)
    }

    private func answered(_ answer: Answer, by name: PluginName) {
        guard var conversation = conversations[name] else { return }
        let action = conversation.rules.take(answer)
        conversations[name] = conversation
        perform(action, for: name)
        fill()
    }
}

/// Keeps a plugin's answer, up to a limit, and the last line that it complained with.
private final class AnswerCollector: SupervisedProcess.Output {
    private let limit: Int
    private(set) var answer: [UInt8] = []
    private(set) var isCut = false
    private var errors: [UInt8] = []

    /// What is kept of standard error: enough for a line.
    private static let errorLimit = 4096

    init(limit: ByteCount?) { self.limit = Int(clamping: limit?.bytes ?? 0) }

    func take(_ bytes: [UInt8], from stream: OutputStream, at now: Duration) -> Bool {
        switch stream {
        case .stdout:
            let room = limit - answer.count
            answer.append(contentsOf: bytes.prefix(room))
            if bytes.count > room { isCut = true }
        case .stderr:
            errors.append(contentsOf: bytes)
            if errors.count > Self.errorLimit { errors.removeFirst(errors.count - Self.errorLimit) }
        }
        return true
    }

    func ended() {}

    var lastErrorLine: String? {
        errors.split(separator: 0x0A).last { line in line.contains { $0 > 0x20 } }
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
