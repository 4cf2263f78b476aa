import Testing

@testable import Presentation

@Suite("Outlines")
struct OutlineTests {
    private let sections = [
        OutlineSection(
            title: "A title of some length that is wrapped where it must be", subtitle: "group /x/y", items: []),
        OutlineSection(
            title: "b",
            items: [
                .init(.good, "Nice level 19"), .init(.altered, "other"), .init(.leftOut, "out"),
                .init(.missing, "Not enforced: no such file", details: ["At most 768 MiB of memory in all, or more"]),
            ]),
    ]

    @Test("mark each sentence and indent what is below it")
    func text() {
        #expect(
            Outline.lines(sections, columns: 40).map(\.text) == [
                "A title of some length that is wrapped", "where it must be", "  group /x/y", "", "b",
                "  ✓ Nice level 19", "  ≈ other", "  – out", "  ✗ Not enforced: no such file",
                "      At most 768 MiB of memory in all,", "      or more",
            ])
    }

    @Test("fit any width, and nothing in them drives a terminal", arguments: [20, 40, 80, 200])
    func widths(columns: Int) {
        var hostile = sections
        hostile[1].items.append(.init(.good, "a\u{1B}[2Jb"))
        for line in Outline.lines(hostile, columns: columns) {
            #expect(line.width <= columns)
            #expect(!line.text.contains("\u{1B}"))
        }
    }

    @Test("the table of policies gives up where a file is before it gives up what it is for")
    func policies() {
        let rows = [
            PolicyRow(
                name: "ci-host", state: "in use", description: "Updates between jobs", file: "/usr/share/ci-host.toml")
        ]
        #expect(PolicyTable.lines(rows, columns: 120)[1].text.hasSuffix("/usr/share/ci-host.toml"))
        #expect(PolicyTable.lines(rows, columns: 44)[1].text == "ci-host  in use  Updates between jobs")
    }
}
