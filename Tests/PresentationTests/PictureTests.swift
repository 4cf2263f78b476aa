import Presentation
import TestSupport
import Testing

/// What people see of the example run, at three sizes. The pictures are in `Pictures.swift`.
@Suite struct PictureTests {
    private static let sizes = [40, 80, 200]

    private func text(_ lines: [StyledLine]) -> [Substring] {
        lines.map { line in
            let text = line.text
            return text[..<(text.lastIndex { $0 != " " }.map { text.index(after: $0) } ?? text.startIndex)]
        }
    }

    private func expect(_ lines: [StyledLine], _ picture: String?, columns: Int) {
        #expect(text(lines) == picture?.split(separator: "\n", omittingEmptySubsequences: false))
        #expect(lines.allSatisfy { $0.width <= columns })
    }

    @Test(arguments: sizes)
    func `the plan is a table that fits its display`(columns: Int) {
        expect(PlanTable.lines(ExampleRun.plan, columns: columns), Pictures.plan[columns], columns: columns)
    }

    @Test(arguments: sizes)
    func `a run has its ended steps above and its live ones below`(columns: Int) {
        var view = RunView()
        var lines: [StyledLine] = []
        for (at, events) in ExampleRun.timeline where at <= .seconds(127) {
            lines += view.take(events, at: at, columns: columns)
        }
        view.take(ExampleRun.usage)
        lines += view.live(columns: columns, rows: columns == 200 ? 49 : 23, at: .seconds(127))
        expect(lines, Pictures.run[columns], columns: columns)
    }

    @Test(arguments: sizes)
    func `the end says what was done, what failed and what to do`(columns: Int) {
        var view = RunView()
        for (at, events) in ExampleRun.timeline { view.observe(events, at: at) }
        expect(view.summary(columns: columns, at: .seconds(253)), Pictures.end[columns], columns: columns)
    }
}
