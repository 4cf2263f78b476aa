// What a machine has of what a run uses, as a table: each gap with what the policy loses by it, and its mend, below.

import RunModel

/// `update-all doctor`.
public enum DoctorTable {
    /// - Parameter columns: width of the display in cells.
    public static func lines(_ mechanisms: [Mechanism], hostName: String, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        let nameWidth = mechanisms.reduce(0) { max($0, TextWidth.of($1.name)) }
        for mechanism in mechanisms {
            var head = StyledLine("  ")
            head.append(mechanism.state.mark, mechanism.state.style)
            head.append(" ")
            head.append(mechanism.name.padded(to: nameWidth) + "  ")
            lines.appendWrapped(mechanism.finding, behind: head, columns: columns)
            let margin = String(repeating: " ", count: head.width <= columns * 3 / 5 ? head.width : 4)
            if let loss = mechanism.loss { lines.appendWrapped(loss, behind: StyledLine(margin), columns: columns) }
            guard let mend = mechanism.mend else { continue }
            var arrow = StyledLine(margin)
            arrow.append("→ ", mechanism.state.style)
            lines.appendWrapped(mend, behind: arrow, columns: columns)
        }
        // Last, since all of it may be more than a screen.
        lines.append(StyledLine())
        lines.appendWrapped(conclusion(mechanisms, hostName), behind: StyledLine(), columns: columns, style: .bold)
        return lines
    }

    private static func conclusion(_ mechanisms: [Mechanism], _ hostName: String) -> String {
        func count(_ state: Mechanism.State) -> Int { mechanisms.count { $0.state == state } }
        let broken = count(.broken)
        let required =
            broken == 0
            ? "all that a run needs is there" : "\(counted(broken, "thing")) that a run needs must be mended"
        let gaps = [(count(.degraded), "degraded"), (count(.missing), "missing")].filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)" }
        return "\(hostName): \(required)" + (gaps.isEmpty ? "." : "; of the rest \(gaps.joined(separator: ", ")).")
    }
}

extension Mechanism.State {
    fileprivate var mark: String {
        switch self {
        case .ok: "✓"
        case .degraded: "≈"
        case .missing: "–"
        case .broken: "✗"
        }
    }

    fileprivate var style: Style {
        switch self {
        case .ok: .good
        case .degraded, .missing: .warning
        case .broken: .bad
        }
    }
}
