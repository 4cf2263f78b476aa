// The lines that change while a run goes on.

import RunModel
import UpdateModel

/// Lays out one moment of a run for a display of some size.
struct LiveRegion {
    let state: RunState
    let columns: Int
    let now: Duration

    func lines(rows: Int) -> [StyledLine] {
        guard rows > 0, columns > 0, !state.steps.isEmpty else { return [] }
        let running = state.steps.filter { $0.runningSince != nil }
        let waiting = state.steps.filter(\.isWaiting)
        // The rule parts the region from what scrolls by above it; a small terminal has no row for it.
        var lines = rows >= 6 ? [StyledLine(String(repeating: "─", count: columns), .dim), header] : [header]
        let row = StepRow(nameWidth: nameWidth, columns: columns, now: now, isFrozen: state.isFrozen)
        let footer = Array((pauseLine + throttleLine).prefix(max(0, rows - lines.count)))
        let rows = rows - footer.count

        let room = rows - lines.count
        let shown = running.count <= room ? running : Array(running.prefix(max(0, room - 1)))
        // Below each running step its last line, where that leaves three rows for the waiting ones.
        let hasSecondLines = shown.count == running.count && 2 * running.count + min(3, waiting.count) <= room
        for step in shown {
            lines.append(row.running(step, withLastLine: !hasSecondLines))
            if hasSecondLines, let last = step.lastLine {
                var line = StyledLine("     ")
                line.append(last, .dim)
                lines.append(line.truncated(to: columns))
            }
        }
        if shown.count < running.count {
            lines.append(more(running.count - shown.count, "running"))
        } else {
            lines += rowsOfWaiting(waiting, row: row, room: rows - lines.count)
        }
        return Array(lines.prefix(rows)) + footer
    }

    /// ` ‖ paused by root, since 12 s: update-all resume lets it go on`
    private var pauseLine: [StyledLine] {
        guard let (intervention, since) = state.pause else { return [] }
        var line = StyledLine(" ")
        line.append("‖ \(intervention.phrase)", .warning)
        line.append(", since \((now - since).wholeSeconds.sentence): update-all resume lets it go on")
        return [line.truncated(to: columns)]
    }

    /// ` ▼ slowed: postgresql.service waits for I/O (PSI 23 %), since 12 s`
    private var throttleLine: [StyledLine] {
        guard state.isThrottled, let (throttle, since) = state.throttle else { return [] }
        var line = StyledLine(" ")
        line.append("▼ \(throttle.phrase): ", .warning)
        line.append("\(throttle.cause), since \((now - since).wholeSeconds.sentence)")
        return [line.truncated(to: columns)]
    }

    private func rowsOfWaiting(_ waiting: [StepState], row: StepRow, room: Int) -> [StyledLine] {
        guard room > 0 else { return [] }
        let shown = waiting.count <= room ? waiting.count : room - 1
        var lines = waiting.prefix(shown).map { row.waiting($0, phrases: waitPhrases($0)) }
        if shown < waiting.count { lines.append(more(waiting.count - shown, "waiting")) }
        return lines
    }

    private func more(_ count: Int, _ what: String) -> StyledLine {
        StyledLine("   … and \(count) more \(what)", .dim).truncated(to: columns)
    }

    /// The same for the whole run, so that the bars do not move when a step ends.
    private var nameWidth: Int { min(max(state.widestName, 10), max(8, columns * 2 / 5)) }

    /// ` update-all  3/7 steps  ━━━━━━━━━━━╸         41 %  2:07, ~3:05 left`, less of it where there is no room.
    private var header: StyledLine {
        let isStopping = state.steps.contains { $0.stopping != nil }
        let ended = "\(state.endedCount)/\(state.steps.count)"
        let fraction = state.fraction(at: now)
        // Of whole seconds, so that it changes together with the time beside it.
        let left = state.remaining.projection(state.steps.map(\.pace), at: now.wholeSeconds).map { "~\($0.clock)" }
        let isWide = columns >= 60

        var line = StyledLine(" ")
        if isStopping {
            line.append("stopping", .warning)
            line.append("  ")
        } else if state.pause != nil {
            line.append("paused", .warning)
            line.append("  ")
        } else if isWide {
            line.append("update-all", .bold)
            line.append("  ")
        }
        line.append(isWide ? "\(ended) steps  " : "\(ended) ")

        let percent = "\(Int(fraction * 100)) %".leftPadded(to: 6)
        let time = now.clock + (left.map { isWide ? ", \($0) left" : " \($0)" } ?? "")
        let end = "\(percent)\(isWide ? "  " : " ")\(time)"
        let barWidth = min(60, columns - line.width - TextWidth.of(end) - 1)
        if barWidth >= 4 { line.append(ProgressBar.text(fraction, cells: barWidth), .accent) }
        line.append(end)
        return line.truncated(to: columns)
    }

    /// What a step waits for, by the dispatcher's word or, before it gave one, by the plan; the longest wording first.
    private func waitPhrases(_ step: StepState) -> [String] {
        for required in step.plan?.after ?? [] {
            guard let index = state.index(of: required), !state.steps[index].isEnded else { continue }
            return [required.plugin == step.id.plugin ? "waits for its \(required.phase)" : "waits for \(required)"]
        }
        guard case .waiting(let reason?) = step.stage else {
            return [step.plan?.waitsFor.map { "waits for \($0)" } ?? "waits"]
        }
        if case .mutex(let name) = reason, let holder = holder(of: name) {
            return ["waits for mutex \(name), held by \(holder)"]
        }
        guard let wait = step.foreignWait else { return ["waits for \(reason.phrase)"] }
        return reason.phrases(waited: now - wait.since, left: max(.zero, wait.until - now))
    }

    private func holder(of mutex: String) -> String? {
        state.steps.first { $0.runningSince != nil && $0.plan?.mutexes.contains(mutex) == true }?.name
    }
}

enum ProgressBar {
    /// `━━━━━╸    `: exactly `cells` wide, in steps of half a cell.
    static func text(_ fraction: Double, cells: Int) -> String {
        let halves = Int((min(1, max(0, fraction)) * Double(cells) * 2).rounded(.down))
        let bar = String(repeating: "━", count: halves / 2) + (halves % 2 == 1 ? "╸" : "")
        return bar + String(repeating: " ", count: cells - (halves + 1) / 2)
    }
}
