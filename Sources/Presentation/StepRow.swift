// One row of the live region: a step that runs or waits.

import RunModel
import UpdateModel

/// Rows of steps in common columns: mark, name, bar, percent, detail.
struct StepRow {
    private static let spinner = Array("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏").map(String.init)
    /// Of the spinner, in a second.
    private static let framesPerSecond = 5.0

    let nameWidth: Int
    let columns: Int
    let now: Duration
    /// Steps that may be frozen are.
    let isFrozen: Bool

    /// - Parameter withLastLine: the step has this row only, so its last line goes where there is room in it.
    func running(_ step: StepState, withLastLine: Bool) -> StyledLine {
        var line = head(mark: step.isProtected ? "⛨" : " ", markStyle: .warning, name: step.name)
        let since = step.runningSince ?? now
        if let (stopping, began) = step.stopping {
            let text = stopping.sentence(isProtected: step.isProtected, elapsed: now - began)
            line.append(text, .warning)
        } else if isFrozen, !step.isProtected {
            line.append("‖ frozen", .warning)
            if let fraction = step.reportedFraction { line.append(" at \(Int(fraction * 100)) %") }
        } else if let fraction = step.reportedFraction {
            appendBar(fraction, step: step, since: since, to: &line)
        } else {
            let frame = Int(max(0, now.inSeconds).truncatingRemainder(dividingBy: 1e6) * Self.framesPerSecond)
            line.append(Self.spinner[frame % Self.spinner.count], .accent)
            line.append(" \((now - since).clock)")
            if let usage = step.usage?.phrase, columns >= 60 { line.append("  " + usage) }
        }
        if withLastLine, step.stopping == nil, let last = step.lastLine, columns - line.width >= 12 {
            line.append("  ")
            line.append(last, .dim)
        }
        return line.truncated(to: columns)
    }

    /// - Parameter phrases: the longest first; the last one is cut where it has no room either.
    func waiting(_ step: StepState, phrases: [String]) -> StyledLine {
        var line = head(mark: "◌", markStyle: .dim, name: step.name)
        let room = columns - line.width
        line.append(phrases.first { TextWidth.of($0) <= room } ?? phrases.last ?? "", .dim)
        return line.truncated(to: columns)
    }

    private func head(mark: String, markStyle: Style, name: String) -> StyledLine {
        var line = StyledLine(" ")
        line.append(mark, markStyle)
        line.append(" " + name.padded(to: nameWidth) + (columns >= 60 ? "   " : "  "))
        return line
    }

    private func appendBar(_ fraction: Double, step: StepState, since: Duration, to line: inout StyledLine) {
        let percent = "\(Int(fraction * 100)) %".leftPadded(to: 6)
        // Beside a bar of a useful length there is room for figures only on a wide display.
        let detailWidth = columns >= 120 ? 51 : columns >= 72 ? 28 : 0
        let barWidth = min(30, columns - line.width - percent.count - detailWidth)
        if barWidth >= 5 { line.append(ProgressBar.text(fraction, cells: barWidth), .accent) }
        line.append(percent)
        guard detailWidth > 0 else { return }
        line.append("  " + details(step, since: since))
    }

    /// The one that says most; on a wide display what it uses as well.
    private func details(_ step: StepState, since: Duration) -> String {
        let usage = step.usage?.phrase
        if columns < 120 { return (step.fetched == nil ? usage : nil) ?? detail(step, since: since) }
        let own = detail(step, since: since)
        return usage.map { own.padded(to: 23) + $0 } ?? own
    }

    /// `84/118 MB  9.1 MB/s`, `12/42`, or how long it has run.
    private func detail(_ step: StepState, since: Duration) -> String {
        guard let progress = step.progress else { return "" }
        if let fetched = progress.bytesDownloaded {
            let amount = progress.bytesTotal.map { Self.ratio(fetched, $0) } ?? fetched.decimalDescription
            return ([amount] + [step.rate.text(at: now)].compactMap { $0 }).joined(separator: "  ")
        }
        if let completed = progress.itemsCompleted, let total = progress.itemsTotal { return "\(completed)/\(total)" }
        return (now - since).clock
    }

    /// `84/118 MB`.
    private static func ratio(_ part: ByteCount, _ whole: ByteCount) -> String {
        ratioText(part.decimalDescription, whole.decimalDescription)
    }
}

extension Usage {
    /// `cpu 12 %  mem 212/768 MiB`; `nil` where nothing is known.
    fileprivate var phrase: String? {
        let cpuText = cpu.map { "cpu \($0.percentText)" }
        let memoryText = memory.map { memory in
            "mem " + (memoryLimit.map { ratioText(memory.description, $0.description) } ?? memory.description)
        }
        let texts = [cpuText, memoryText].compactMap { $0 }
        return texts.isEmpty ? nil : texts.joined(separator: "  ")
    }
}

/// `84/118 MB`: the unit once where it is the same.
private func ratioText(_ part: String, _ whole: String) -> String {
    let words = part.split(separator: " ")
    guard words.count == 2, whole.hasSuffix(" \(words[1])") else { return "\(part)/\(whole)" }
    return "\(words[0])/\(whole)"
}
