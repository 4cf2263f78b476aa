import JSONDocument
import Testing

/// What the documentation shows is what happens.
@Suite(.timeLimit(.minutes(2)))
struct DocumentTests {
    let site: Site
    init() throws { site = try Site() }

    @Test("the first plugins of docs/plugins.md are listed and run as the page says")
    func firstPlugins() throws {
        try site.install(Document("plugins.md").files)
        let list = try site.run("list")
        #expect(list.code == 0 && list.errors.isEmpty, "\(list.errorText)")
        #expect(list.text.contains("runs as it is: no protocol"))
        let events = try site.events()
        #expect(events.outcome("hello") == "succeeded" && events.outcome("notes") == "succeeded")
        let lines = events.ofType("output", plugin: "hello").compactMap { $0["line"]?.stringValue }
        #expect(lines.first?.hasPrefix("Hello from execute as ") == true)
    }
}
