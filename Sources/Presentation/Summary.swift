// What a run did, what went wrong and what to do about it.

import RunModel
import UpdateModel

/// The end of a run, from its state.
struct Summary {
    private struct Row {
        let plugin: PluginName
        let outcome: Outcome
        let text: String
        let tail: [String]
        /// It printed something, or could have.
        let hasRun: Bool
    }

    let state: RunState
    let columns: Int

    func lines(elapsed: Duration) -> [StyledLine] {
        var lines: [StyledLine] = []
        let wall = state.end.map { Duration(boundedSeconds: $0.metrics.wallSeconds) } ?? elapsed
        lines.appendWrapped(
            "update-all \(state.end == nil ? "ended early" : "finished") in \(wall.sentence)\(counts)",
            behind: StyledLine(), columns: columns, style: .bold)
        append(rows, to: &lines)
        appendErrors(to: &lines)
        for sentence in remarks(elapsed: elapsed) {
            lines.appendWrapped(sentence, behind: StyledLine(), columns: columns)
        }
        return lines
    }

    func failures() -> [StyledLine] {
        var lines: [StyledLine] = []
        append(rows.filter { !$0.outcome.isSuccess }, to: &lines)
        appendErrors(to: &lines)
        return lines
    }

    /// `: 4 succeeded, 1 failed`, in the order of the outcomes.
    private var counts: String {
        let outcomes = state.plugins.values.compactMap(\.completion?.outcome)
        let counts = state.end?.counts ?? Dictionary(outcomes.map { ($0, 1) }, uniquingKeysWith: +)
        let texts = Outcome.summaryOrder.compactMap { outcome in
            counts[outcome].flatMap { $0 > 0 ? "\($0) \(outcome.phrase)" : nil }
        }
        return texts.isEmpty ? "" : ": " + texts.joined(separator: ", ")
    }

    /// One for each plugin of which there is something to say, what went well first: the rest is nearest to the prompt.
    private var rows: [Row] {
        var endedSteps: [PluginName: [StepState]] = [:]
        for step in state.steps where step.isEnded { endedSteps[step.id.plugin, default: []].append(step) }
        let rows = names.compactMap { name in
            row(name, state.plugins[name] ?? RunState.PluginState(), steps: endedSteps[name] ?? [])
        }
        return Outcome.summaryOrder.flatMap { outcome in rows.filter { $0.outcome == outcome } }
    }

    /// The plugins that were asked; then, in the order of the plan, what else has steps: hooks.
    private var names: [PluginName] {
        var listed: Set<PluginName> = []
        return ((state.start?.plugins ?? []) + state.steps.map(\.id.plugin) + state.plugins.keys.sorted())
            .filter { listed.insert($0).inserted }
    }

    private func row(_ name: PluginName, _ plugin: RunState.PluginState, steps: [StepState]) -> Row? {
        // The step that decided: the one that did not go well, else the last one.
        let decisive = steps.first { !$0.outcomeIsSuccess } ?? steps.last
        guard let outcome = plugin.completion?.outcome ?? decisive?.outcome else { return nil }
        switch outcome {
        case .succeeded:
            let result = plugin.result ?? UpdateResult()
            let count = max(plugin.completion?.packagesUpdated ?? 0, result.packagesUpdated)
            let says = plugin.result != nil || count > 0
            return Row(
                plugin: name, outcome: outcome, text: says ? result.sentence(count: count) : "done", tail: [],
                hasRun: false)
        case .upToDate, .notApplicable:
            // They are counted; a line for each would hide the others.
            return nil
        default:
            guard let decisive, case .ended(let end, let wall) = decisive.stage, end.outcome == outcome else {
                let reason = plugin.completion?.error.map { ": \($0)" } ?? ""
                return Row(plugin: name, outcome: outcome, text: outcome.phrase + reason, tail: [], hasRun: false)
            }
            var said = end
            said.error = end.error ?? plugin.completion?.error
            let text = said.sentence(wall: wall, lastLine: decisive.tail.lines.last)
            return Row(
                plugin: name, outcome: outcome, text: text, tail: decisive.tail.lines, hasRun: wall != nil)
        }
    }

    private func append(_ rows: [Row], to lines: inout [StyledLine]) {
        let longest = names.map(\.rawValue.utf8.count).max() ?? 0
        let nameWidth = min(max(10, longest), max(4, columns / 4))
        for row in rows { append(row, nameWidth: nameWidth, to: &lines) }
    }

    private func append(_ row: Row, nameWidth: Int, to lines: inout [StyledLine]) {
        var head = StyledLine("  ")
        head.append(row.outcome.mark, row.outcome.style)
        head.append(" ")
        head.append(row.plugin.rawValue.padded(to: nameWidth) + " ")
        lines.appendWrapped(
            row.text, behind: head, columns: columns, style: row.outcome.isSuccess ? .plain : row.outcome.style)
        guard row.outcome.isFailureOfProgram else { return }
        let indent = String(repeating: " ", count: head.width <= columns * 3 / 5 ? head.width : 4)
        for text in row.tail {
            var line = StyledLine(indent + "│ ", .dim)
            line.append(text)
            lines.append(line.truncated(to: columns))
        }
        guard row.hasRun else { return }
        lines.appendWrapped(
            "log: update-all logs \(row.plugin)", behind: StyledLine(indent), columns: columns, style: .dim)
    }

    private func appendErrors(to lines: inout [StyledLine]) {
        for error in state.errors {
            lines.appendWrapped(error, behind: StyledLine("  ✗ ", .bad), columns: columns)
        }
    }

    private func remarks(elapsed: Duration) -> [String] {
        var first: [String] = []
        let rebooting = state.plugins.filter { $0.value.result?.rebootRequired == true }.keys.sorted()
        if !rebooting.isEmpty {
            first.append("The machine needs a restart (\(rebooting.map(\.rawValue).listed(atMost: 5))).")
        }
        if let peak = state.end?.metrics.memoryPeak { first.append("Memory peak \(peak).") }
        let throttled = state.throttledTime(at: elapsed)
        if throttled > .zero, let cause = state.throttle?.last.cause {
            first.append("Stepped back for \(throttled.sentence), last since \(cause).")
        }
        let paused = state.pausedTime(at: elapsed)
        if paused > .zero { first.append("Paused for \(paused.sentence).") }
        return (first.isEmpty ? [] : [first.joined(separator: " ")])
            + (state.deviations.isEmpty ? [] : [state.deviations.sentences.joined(separator: " ")])
    }
}

extension Outcome {
    /// What went well, what was not to be done, what went wrong, and what did not run because of it.
    fileprivate static let summaryOrder: [Outcome] = [
        .succeeded, .skipped, .failed, .timedOut, .oomKilled, .killed, .cancelled, .needsAuth, .deferred,
        .dependencyFailed, .upToDate, .notApplicable,
    ]
}

extension StepState {
    fileprivate var outcome: Outcome? { if case .ended(let end, _) = stage { end.outcome } else { nil } }
    fileprivate var outcomeIsSuccess: Bool { outcome?.isSuccess ?? true }
}
