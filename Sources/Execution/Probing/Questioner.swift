// Asks plugins single questions, each by a process in a group of its own.

import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import Policy
import RunModel
import UpdateModel

/// What the processes of one plugin's questions get.
struct QuestionRules {
    var settings: StepSettings
    var limits: [ControlWrite]
    var required: Set<String> = []
    var missing: [LimitDeviation] = []
    var hints: ResourceHints
}

/// Asks questions, one at a time each. Lives on the event loop's thread.
final class Questioner {
    private let starter: StepStarter
    let rules: (PluginName) -> QuestionRules
    /// Each question of a plugin has a group and a directory of its own, whoever asks it.
    private var numbers: [PluginName: Int] = [:]
    /// Limits without which the policy wants nothing started, and which kept a question from being asked.
    private(set) var missingLimits: [LimitDeviation] = []

    init(starter: StepStarter, rules: @escaping (PluginName) -> QuestionRules) {
        self.starter = starter
        self.rules = rules
    }

    /// Why a plugin may not be asked as the account behind `runAs`; `nil` where it may.
    func refusal(of plugin: DiscoveredPlugin, as runAs: RunAs) -> PersonaRefusal? {
        starter.refusal(of: plugin, as: runAs, pin: rules(plugin.name).settings.sha256)
    }

    /// - Parameter completion: gets the answer, before this returns where no process could be started.
    /// - Returns: the process; `nil` where there is none.
    func ask(
        _ command: PluginCommand, of plugin: DiscoveredPlugin, as runAs: RunAs, timeout: Duration,
        completion: @escaping (Answer) -> Void
    ) -> StartedStep? {
        let rules = rules(plugin.name)
        let number = numbers[plugin.name, default: 0] + 1
        numbers[plugin.name] = number
        let stepCommand = StepCommand(
            plugin: plugin, step: StepID(plugin.name, .check), command: command, attempt: number, runAs: runAs,
            settings: rules.settings, limits: rules.limits, required: rules.required, missing: rules.missing,
            hints: rules.hints, timeout: timeout)
        let output = AnswerCollector(limit: command.answerLimit)
        do throws(StartFailure) {
            let process = Started()
            process.step = try starter.start(
                stepCommand, output: output, onNotice: { _ in },
                onEnd: { end in
                    let launchError = process.step?.process?.launchError
                    process.step?.cleanUp(after: end)
                    // The process hands its end to this closure, which holds the process.
                    process.step = nil
                    completion(launchError.map { Answer(.notStarted($0.description)) } ?? output.answer(to: end))
                })
            return process.step
        } catch {
            missingLimits += error.missingLimits
            completion(Answer(.notStarted(error.reason)))
            return nil
        }
    }

    private final class Started {
        var step: StartedStep?
    }
}

/// Keeps a plugin's answer, up to a limit, and the last line that it complained with.
private final class AnswerCollector: SupervisedProcess.Output {
    private let limit: Int
    private var bytes: [UInt8] = []
    private var isCut = false
    private var errors: [UInt8] = []

    /// What is kept of standard error: enough for a line.
    private static let errorLimit = 4096

    init(limit: ByteCount?) { self.limit = Int(clamping: limit?.bytes ?? 0) }

    func take(_ bytes: [UInt8], from stream: OutputStream, at now: Duration) -> Bool {
        switch stream {
        case .stdout:
            let room = limit - self.bytes.count
            self.bytes.append(contentsOf: bytes.prefix(room))
            if bytes.count > room { isCut = true }
        case .stderr:
            errors.append(contentsOf: bytes)
            if errors.count > Self.errorLimit { errors.removeFirst(errors.count - Self.errorLimit) }
        }
        return true
    }

    func ended() {}

    func answer(to end: ProcessLifecycle.End) -> Answer {
        let ending: Answer.Ending =
            switch end.cause {
            case .timedOut(let limit): .timedOut(after: limit)
            default: end.exit.isSignal ? .signalled(end.exit.status) : .exited(end.exit.status)
            }
        return Answer(ending, output: bytes, isCut: isCut, lastErrorLine: lastErrorLine)
    }

    private var lastErrorLine: String? {
        errors.split(separator: 0x0A).last { line in line.contains { $0 > 0x20 } }
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
