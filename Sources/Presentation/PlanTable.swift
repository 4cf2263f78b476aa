// The plan as a table with its headline and its remarks, for any width of 40 cells and more.

import RunModel
import UpdateModel

/// `update-all plan` for people.
public enum PlanTable {
    /// - Parameter columns: width of the display in cells.
    public static func lines(_ plan: Plan, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        func add(_ text: String, _ style: Style = .plain) {
            lines.appendWrapped(text, behind: StyledLine(), columns: columns, style: style)
        }
        let policy = (["policy \(plan.policy)"] + [plan.runLimits.joined(separator: ", ")].filter { !$0.isEmpty })
            .joined(separator: ": ")
        add("Plan for \(plan.hostName) (\(policy))", .bold)
        add(overview(plan))
        if let window = plan.window { add(window.sentences) }
        if !plan.steps.isEmpty {
            lines.append(StyledLine())
            lines += rows(plan, columns: columns)
            lines.append(StyledLine())
        }
        if plan.criticalPath.count > 1 { add("Critical path: \(path(plan.criticalPath))") }
        if !plan.skipped.isEmpty {
            let names = plan.skipped.map { skipped in
                let phrase = skipped.outcome.phrase
                let isSaid = skipped.reason.isEmpty || skipped.reason == phrase
                return "\(skipped.plugin) (\(isSaid ? phrase : "\(phrase): \(skipped.reason)"))"
            }
            add("Not in the plan: \(names.joined(separator: ", "))")
        }
        let remarks =
            (plan.steps.contains(where: \.isProtected) ? ["⛨ commit: never killed or frozen."] : [])
            + plan.deviations.sentences
        if !remarks.isEmpty { add(remarks.joined(separator: " ")) }
        return lines
    }

    /// `4 plugins, 7 steps, 412 MB to fetch. Expected 5 min 12 s.`: what is known of it.
    private static func overview(_ plan: Plan) -> String {
        if plan.steps.isEmpty { return "Nothing to do." }
        let plugins = Set(plan.steps.filter { $0.hook == nil }.map(\.id.plugin)).count
        let hooks = plan.steps.count { $0.hook != nil }
        var text = "\(counted(plugins, "plugin")), \(counted(plan.steps.count, "step"))"
        if hooks > 0 { text += " (\(counted(hooks, "hook")))" }
        if let fetch = plan.fetch { text += ", \(fetch.decimalDescription) to fetch" }
        text += "."
        if plan.steps.allSatisfy(\.durationIsKnown) {
            text += " Expected \(Duration(boundedSeconds: plan.makespanSeconds).sentence)."
        }
        return text
    }

    /// The steps with arrows between them, the middle of a long path left out.
    private static func path(_ steps: [StepID]) -> String {
        let names = steps.map(\.description)
        if names.count <= 12 { return names.joined(separator: " → ") }
        let left = names.prefix(6) + ["(\(names.count - 10) more)"] + names.suffix(4)
        return left.joined(separator: " → ")
    }

    private static func rows(_ plan: Plan, columns: Int) -> [StyledLine] {
        let steps = plan.steps
        // A start after a step of unknown length is not known; the order of the waves is.
        let firstUnknownEnd = steps.filter { !$0.durationIsKnown }.map(\.startSeconds).min() ?? .infinity
        let hasTimes = steps.contains(where: \.durationIsKnown)
        let start = TableColumn(
            hasTimes ? "start" : "wave", alignment: .right, minimum: 5,
            values: steps.map { step in
                if !hasTimes { return String(step.wave + 1) }
                return step.startSeconds <= max(0, firstUnknownEnd)
                    ? Duration(boundedSeconds: step.startSeconds).clock : "?"
            })
        let mark = TableColumn("", values: steps.map { $0.isProtected ? "⛨" : "" })
        let expected = TableColumn(
            columns < 100 ? "takes" : "expected", alignment: .right,
            values: steps.map { step in
                step.durationIsKnown ? Duration(boundedSeconds: step.durationSeconds).column : "?"
            })
        let table = [
            start,
            TableColumn("step", values: steps.map(\.id.description), shrinksTo: 12),
            mark,
            expected,
            TableColumn("as", values: steps.map(\.runAs), dropRank: 3),
            TableColumn("memory", values: steps.map(memory), dropRank: 2),
            TableColumn("expected use", values: steps.map { use($0.demand) }, shrinksTo: 8, dropRank: 0),
            TableColumn("waits for", values: steps.map { $0.waitsFor ?? "" }, shrinksTo: 14, dropRank: 4),
            TableColumn(
                "mutexes", values: steps.map { $0.mutexes.joined(separator: " ") }, shrinksTo: 10, dropRank: 1),
        ]
        return TableColumn.lines(table, columns: columns)
    }

    /// What it is expected to use of the memory, and who says so: `320 MiB, manifest`, `101 MiB, earlier runs`.
    private static func use(_ demand: Demand) -> String {
        guard let memory = demand.memory else { return "" }
        let source: String? =
            switch demand.memorySource {
            case .estimate: "estimate"
            case .manifest: "manifest"
            case .record: "earlier runs"
            case nil: nil
            }
        return [memory.description, source].compactMap(\.self).joined(separator: ", ")
    }

    /// What the step's control files will allow it: `≤ 768 MiB`, `high 768 MiB`.
    private static func memory(_ step: PlannedStep) -> String {
        func bytes(_ file: String) -> ByteCount? {
            step.limits.last { $0.file == file }.flatMap { Int64($0.value) }.map { ByteCount($0) }
        }
        if let max = bytes("memory.max") { return "≤ \(max)" }
        if let high = bytes("memory.high") { return "high \(high)" }
        return ""
    }
}

extension PlannedWindow {
    /// `Updates are to run at Mon..Fri 22:00-05:00: until Tue 05:00. Put off, since …: flatpak/execute.`
    fileprivate var sentences: String {
        var text = "Updates are to run at \(allow.joined(separator: ", "))"
        if let opens { text += ": the next time begins \(opens.local), and nothing starts before" }
        if let closes { text += opens == nil ? ": now, until \(closes.local)" : "; it ends \(closes.local)" }
        text += "."
        if !putOff.isEmpty {
            let reason = finishBy ? "not expected to end by then" : "not expected to start by then"
            text += " Put off, since \(reason): \(putOff.map(\.description).listed(atMost: 8))."
        }
        if !overrunning.isEmpty {
            text += " Expected to go on beyond that: \(overrunning.map(\.description).listed(atMost: 8))."
        }
        return text
    }
}
