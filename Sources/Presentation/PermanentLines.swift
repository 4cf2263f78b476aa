// The lines that stay: how steps ended, limits that are not in force, errors.

import RunModel
import UpdateModel

enum PermanentLines {
    static func lines(_ notice: RunState.Notice, state: RunState, columns: Int) -> [StyledLine] {
        switch notice {
        case .ended(let index): return ended(state.steps[index], nameWidth: state.widestName, columns: columns)
        case .deviation(let deviation, let plugin):
            let name = plugin.map { "\($0): " } ?? ""
            return remark(
                name + [deviation].sentences.joined(separator: " "), mark: "!", style: .warning, columns: columns)
        case .error(let text):
            return remark(text, mark: "✗", style: .bad, columns: columns)
        }
    }

    /// `✓ apt/download        58 s   302 MB`; how it ended otherwise is behind the time, in as many lines as it takes.
    private static func ended(_ step: StepState, nameWidth: Int, columns: Int) -> [StyledLine] {
        guard case .ended(let end, let wall) = step.stage else { return [] }
        var line = StyledLine(end.outcome.mark, end.outcome.style)
        line.append(" ")
        line.append(step.name.padded(to: min(max(nameWidth, 16), columns * 2 / 5)))
        line.append((wall?.column ?? "").leftPadded(to: 8))
        if end.outcome == .succeeded {
            if let fetched = step.fetched, step.id.phase == .download {
                line.append(fetched.decimalDescription.leftPadded(to: 9), .dim)
            }
            return [line.truncated(to: columns)]
        }
        line.append("  ")
        var lines: [StyledLine] = []
        lines.appendWrapped(
            end.sentence(wall: nil, lastLine: step.tail.lines.last), behind: line, columns: columns,
            style: end.outcome.style)
        return lines
    }

    private static func remark(_ text: String, mark: String, style: Style, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        lines.appendWrapped(text, behind: StyledLine(mark + " ", style), columns: columns)
        return lines
    }
}
