// What a run in progress is doing, for people: the run in sentences, its steps in a table.

import RunModel
import UpdateModel

/// `update-all status`.
public enum StatusTable {
    /// - Parameter columns: width of the display in cells.
    public static func lines(_ status: RunStatus, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        func add(_ text: String, _ style: Style = .plain) {
            lines.appendWrapped(text, behind: StyledLine(), columns: columns, style: style)
        }
        add(headline(status), .bold)
        add(course(status))
        if let pause = status.pause {
            add("Paused by \(pause.user), since \(pause.duration.sentence): update-all resume lets it go on.", .warning)
        }
        if let throttle = status.throttle, throttle.state != .normal {
            add("Stepped back (\(throttle.phrase)): \(throttle.cause).", .warning)
        }
        guard !status.steps.isEmpty else { return lines }
        lines.append(StyledLine())
        return lines + table(status.steps, columns: columns)
    }

    /// No run is in progress.
    /// - Parameters:
    ///   - newest: the newest run; `nil`: there is none.
    ///   - place: the state directory.
    public static func lines(newest: PastRun?, in place: String, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        func add(_ text: String, _ style: Style = .plain) {
            lines.appendWrapped(text, behind: StyledLine(), columns: columns, style: style)
        }
        add("No run is in progress in \(place).", .bold)
        guard let newest else { return lines }
        let name = "The newest is \(newest.run)" + (newest.start.map { ", begun \($0.readable)" } ?? "")
        if let end = newest.end {
            let wall = Duration(boundedSeconds: end.metrics.wallSeconds).sentence
            let counts = Outcome.allCases.compactMap { outcome in
                end.counts[outcome].flatMap { $0 > 0 ? "\($0) \(outcome.phrase)" : nil }
            }
            let list = counts.isEmpty ? "" : ": " + counts.joined(separator: ", ")
            add("\(name); it took \(wall)\(list).", end.success ? .plain : .warning)
        } else {
            add("\(name); it did not end by itself.", .warning)
        }
        for remark in newest.remarks { add("\(remark).", .warning) }
        add("update-all logs \(newest.run) shows what its steps printed.")
        return lines
    }

    private static func headline(_ status: RunStatus) -> String {
        let state =
            switch status.state {
            case .preparing: "is preparing"
            case .running: "is running"
            case .ending: "is ending"
            }
        return "The run \(status.run) of \(status.user) \(state): process \(status.processID), since "
            + "\(status.start.readable), policy \(status.policy)."
    }

    private static func course(_ status: RunStatus) -> String {
        let time = "\(status.elapsed.sentence) so far"
        guard !status.steps.isEmpty else { return "It asks plugins, or its person; \(time)." }
        let ended = status.steps.count { $0.state == .ended }
        let left = status.remaining.map { ", about \($0.sentence) left" } ?? ""
        return "\(ended) of \(counted(status.steps.count, "step")) ended, \(time)\(left)."
    }

    private static func table(_ steps: [StepStatus], columns: Int) -> [StyledLine] {
        TableColumn.lines(
            [
                TableColumn("step", values: steps.map(\.step.description), shrinksTo: 12),
                TableColumn(
                    "state",
                    values: steps.map { $0.state == .ended ? $0.outcome?.phrase ?? "ended" : $0.state.rawValue }),
                TableColumn("for", alignment: .right, values: steps.map { $0.duration?.column ?? "" }),
                TableColumn("", values: steps.map(detail), shrinksTo: 16),
            ], columns: columns)
    }

    private static func detail(_ step: StepStatus) -> String {
        if let after = step.after {
            return "waits for \(after.plugin == step.step.plugin ? "its \(after.phase)" : "\(after)")"
        }
        if let reason = step.waitsFor { return "waits for \(reason.phrase)" }
        let percent = step.percent.map { "\(Int($0)) %" }
        let commit =
            step.isProtected && step.state != .ended && step.state != .waiting
            ? "a commit: never frozen or killed" : nil
        return [percent, commit].compactMap(\.self).joined(separator: ", ")
    }
}

extension Timestamp {
    /// `2026-11-21 07:30:12 UTC`.
    fileprivate var readable: String {
        let text = rfc3339
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }
}
