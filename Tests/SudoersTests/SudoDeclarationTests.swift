import Testing
import TomlDocument
import UpdateModel

@testable import Sudoers

struct SudoDeclarationTests {
    private func grant(
        _ declared: [String], allowed: [String]? = nil, byRoot: [String]? = nil, isRoots: Bool = true
    ) -> (programs: [String], complaints: [String]) {
        let declaration = SudoDeclaration(
            plugin: PluginName("one")!, declared: declared, allowed: allowed, allowedByRoot: byRoot, isRoots: isRoots)
        let (grant, complaints) = declaration.grant
        return (grant.programs.map(\.description), complaints)
    }

    @Test("a plugin of root's gets what it declares, where the policy says nothing")
    func declared() {
        let (programs, complaints) = grant(["/bin/a", "/bin/b x"])
        #expect(programs == ["/bin/a", "/bin/b x"] && complaints.isEmpty)
    }

    @Test("of both lists the narrower one holds")
    func narrower() {
        #expect(grant(["/bin/a"], allowed: ["/bin/a x", "/bin/a y"]).programs == ["/bin/a x", "/bin/a y"])
        #expect(grant(["/bin/a x"], allowed: ["/bin/a"]).programs == ["/bin/a x"])
        let (programs, complaints) = grant(["/bin/a", "/bin/b"], allowed: ["/bin/b"])
        #expect(programs == ["/bin/b"])
        #expect(complaints == ["one: no rule for /bin/a: the policy's sudo_programs do not have it"])
    }

    @Test("a policy that lists programs serves for a plugin that declares none; an empty list forbids all")
    func policyAlone() {
        #expect(grant([], allowed: ["/bin/a"]).programs == ["/bin/a"])
        #expect(grant(["/bin/a"], allowed: []).programs == [])
    }

    @Test("what a person can change gets only what root's own policy lists")
    func persons() {
        let (programs, complaints) = grant(["/bin/a"], allowed: ["/bin/a"], isRoots: false)
        #expect(programs == [])
        #expect(complaints.first?.contains("[plugin.one] sudo_programs = […]") == true, "\(complaints)")
        #expect(grant(["/bin/a"], allowed: ["/bin/a"], byRoot: ["/bin/a x"], isRoots: false).programs == ["/bin/a x"])
        #expect(grant([], isRoots: false).complaints.isEmpty)
    }

    @Test("what cannot be written as a rule is told, and the rest is written")
    func malformed() {
        let (programs, complaints) = grant(["bin/a", "/bin/b"])
        #expect(programs == ["/bin/b"])
        #expect(complaints == ["one: no rule for \"bin/a\": it does not begin with an absolute path"])
    }
}

struct RootProgramTests {
    private func table(_ text: String) throws -> RootPrograms {
        try RootPrograms(parsing: Array(text.utf8), file: "t.toml")
    }

    @Test("a program is known by its name, whatever its directory and version")
    func names() throws {
        let table = try table("[k]\nreason = \"why\"\nprograms = [\"snake\", \"g++\"]\n")
        for path in ["/usr/bin/snake", "/opt/snake3.11", "/opt/snake-3", "snake"] {
            #expect(table.reason(for: path) == "why", "\(path)")
        }
        for path in ["/usr/bin/snakes", "/snake/x", "/usr/bin/3", ""] {
            #expect(table.reason(for: path) == nil, "\(path)")
        }
    }

    @Test("what is wrong with the table is told with its place")
    func findings() {
        let error = #expect(throws: Diagnostics.self) { try table("[k]\nprograms = 1\nx = 2\n") }
        #expect(error?.list.count == 3, "\(error?.description ?? "")")
        #expect(throws: Diagnostics.self) { try table("[") }
    }
}
