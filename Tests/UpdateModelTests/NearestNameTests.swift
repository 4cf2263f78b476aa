import Testing
import UpdateModel

struct NearestNameTests {
    private let keys = ["memory_high", "memory_max", "cpu_weight", "tasks_max", "io"]

    @Test(
        "Each kind of slip finds the name that was meant",
        arguments: [
            ("memory_hihg", "memory_high"),  // neighbours exchanged
            ("memory_mx", "memory_max"),  // missing
            ("cpu_weightt", "cpu_weight"),  // inserted
            ("tazks_max", "tasks_max"),  // wrong
            ("oi", "io"),
            ("Memory_High", "memory_high"),
        ])
    func slips(_ written: String, _ meant: String) {
        #expect(nearestName(to: written, in: keys) == meant)
    }

    @Test("A name that is far from all others has no neighbour", arguments: ["postgresql", "xx", "", "memory"])
    func far(_ written: String) {
        #expect(nearestName(to: written, in: keys) == nil)
    }

    @Test("Of equally near names the one that sorts first is taken, in whatever order they come")
    func ties() {
        #expect(nearestName(to: "app", in: ["apk", "apt"]) == "apk")
        #expect(nearestName(to: "app", in: ["apt", "apk"]) == "apk")
    }

    @Test("The nearest wins over one that sorts before it")
    func nearest() {
        #expect(nearestName(to: "flatpack", in: ["flapjack", "flatpak"]) == "flatpak")
    }

    @Test("A name with nothing in common is not near, however short it is")
    func nothingInCommon() {
        #expect(nearestName(to: "a", in: ["b"]) == nil)
        #expect(nearestName(to: "ab", in: ["b"]) == nil)
    }

    @Test("Names that nobody types have no neighbour")
    func long() {
        let name = String(repeating: "a", count: 65)
        #expect(nearestName(to: name, in: [name]) == nil)
    }
}
