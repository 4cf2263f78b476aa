// A run as lines for pipes and files: one line an event, in forms that stay, so that they can be searched for.

import RunModel
import UpdateModel

/// Writes events as lines of text.
public struct PlainText: Sendable {
    private struct Stream: Hashable {
        let step: StepID
        let stream: OutputStream
    }

    private var sanitizers: [Stream: Sanitizer] = [:]
    /// Tenth of its progress that was last told, so that a plugin that reports each byte does not fill a log.
    private var tenths: [StepID: Int] = [:]
    /// What the plan has told already.
    private var plannedDeviations: [LimitDeviation] = []
    private var hasPlan = false

    public init() {}

    /// Adds the lines of `event`, each with its line end.
    public mutating func append(_ event: Event, to output: inout [UInt8]) {
        if case .output(let lines) = event.body {
            append(lines, of: event.plugin, to: &output)
            return
        }
        guard let text = text(of: event) else { return }
        output.append(contentsOf: Sanitizer.clean(text).utf8)
        output.append(0x0A)
    }

    private mutating func append(_ lines: OutputLines, of plugin: PluginName?, to output: inout [UInt8]) {
        guard let plugin else { return }
        let key = Stream(step: StepID(plugin, lines.phase), stream: lines.stream)
        let prefix = Array("\(key.step) | ".utf8)
        var sanitizer = sanitizers[key] ?? Sanitizer()
        output.reserveCapacity(output.count + lines.bytes.count + lines.count * (prefix.count + 1))
        lines.bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for end in lines.ends {
                let line = UnsafeBufferPointer(rebasing: bytes[start..<Int(end)])
                output.append(contentsOf: prefix)
                sanitizer.append(line, to: &output)
                output.append(0x0A)
                start = Int(end)
            }
        }
        sanitizers[key] = sanitizer
    }

    private mutating func text(of event: Event) -> String? {
        func step(_ phase: Phase) -> String { event.plugin.map { "\($0)/\(phase)" } ?? phase.rawValue }
        let plugin = event.plugin?.rawValue ?? "update-all"
        switch event.body {
        case .runStart(let start):
            return "update-all \(start.version): started on \(start.host) by \(start.user), policy \(start.policy), "
                + counted(start.plugins.count, "plugin")
        case .plan(let plan):
            plannedDeviations = plan.deviations
            hasPlan = true
            return "update-all: plan of \(counted(plan.steps.count, "step"))"
        case .phaseStart(let start):
            return "\(step(start.phase)): started (\(([start.runAs] + start.memoryLimit).joined(separator: ", ")))"
        case .output: return nil
        case .progress(let progress): return text(of: progress, plugin: event.plugin)
        case .dropped(let dropped):
            let noun = dropped.count == 1 ? "line" : "lines"
            return "\(step(dropped.phase)) | … \(dropped.count.grouped) \(noun) not shown (the log has them)"
        case .result(let result):
            return "\(plugin): \(result.sentence(count: result.packagesUpdated))"
        case .limit(let deviation):
            if plannedDeviations.contains(deviation) { return nil }
            return "\(plugin): limit: \([deviation].sentences.joined(separator: " "))"
        case .waiting(let phase, let reason, let limit):
            return "\(step(phase)): waits for \(reason.phrase)"
                + (limit.map { "; gives up after \($0.wholeSeconds.sentence)" } ?? "")
        case .throttle(let throttle):
            return "update-all: \(throttle.phrase): \(throttle.cause)"
        case .control(let intervention):
            return "update-all: \(intervention.phrase)"
        case .stopping(let stopping):
            return "\(step(stopping.phase)): "
                + stopping.sentence(isProtected: stopping.killAfter == nil, elapsed: .zero)
        case .phaseEnd(let end):
            if let plugin = event.plugin { forget(StepID(plugin, end.phase)) }
            return "\(step(end.phase)): \(text(of: end))"
        case .completion(let completion):
            let error = completion.error.map { ": \($0)" } ?? ""
            return "\(plugin): \(completion.outcome.phrase)\(error)"
        case .runEnd(let end):
            return "update-all: \(end.success ? "succeeded" : "did not succeed")"
        case .error(let text):
            // What comes before the plan is about earlier runs, and was told before this one began.
            return hasPlan ? "\(plugin): error: \(text)" : nil
        }
    }

    private func text(of end: PhaseEnd) -> String {
        let wall = end.metrics.map { Duration(boundedSeconds: $0.wallSeconds) }
        if end.outcome == .succeeded { return "succeeded" + (wall.map { " in \($0.sentence)" } ?? "") }
        return end.sentence(wall: wall, lastLine: nil)
    }

    private mutating func text(of progress: Progress, plugin: PluginName?) -> String? {
        guard let plugin, let percent = progress.percent, percent.isFinite else { return nil }
        let id = StepID(plugin, progress.phase)
        let tenth = Int(min(100, max(0, percent)) / 10)
        guard tenth > 0, tenth != tenths[id] else { return nil }
        tenths[id] = tenth
        return "\(id): \(tenth * 10) %" + (progress.message.map { ", \($0)" } ?? "")
    }

    private mutating func forget(_ id: StepID) {
        tenths[id] = nil
        for stream in [OutputStream.stdout, .stderr] { sanitizers[Stream(step: id, stream: stream)] = nil }
    }
}

extension PhaseStart {
    /// `memory ≤ 768 MiB`, as read back; empty without a limit.
    fileprivate var memoryLimit: [String] {
        for (file, words) in [("memory.max", "memory ≤"), ("memory.high", "memory high")] {
            if let bytes = limits.last(where: { $0.file == file }).flatMap({ Int64($0.value) }) {
                return ["\(words) \(ByteCount(bytes))"]
            }
        }
        return []
    }
}
