import Policy
import PolicyFixtures
import Testing
import UpdateModel

@Suite("What a plugin's sudo may run")
struct SudoProgramTests {
    private let list = "[plugin.apt]\nsudo_programs = [\"/bin/a\", \"/bin/b\"]"

    private func programs(_ policy: MergedPolicy, isRoots: Bool, _ phase: Phase = .execute) -> [String] {
        policy.sudoPrograms(apt, phase, on: machine, isRoots: isRoots)
    }

    @Test("is nothing where nobody says anything")
    func nothing() throws {
        #expect(try programs(merge(), isRoots: true) == [])
        #expect(try programs(merge(etc: [list.replacing("apt", with: "dnf")]), isRoots: true) == [])
    }

    @Test("is the administrator's list, of which a person can take some away and to which add none")
    func administrators() throws {
        for isRoots in [true, false] {
            #expect(try programs(merge(etc: [list]), isRoots: isRoots) == ["/bin/a", "/bin/b"])
            let other = "[plugin.apt]\nsudo_programs = [\"/bin/b\", \"/bin/c\"]"
            #expect(try programs(merge(etc: [list], user: other), isRoots: isRoots) == ["/bin/b"])
        }
    }

    @Test("is not what a person, or a policy of a person's choice, lists alone")
    func persons() throws {
        #expect(try programs(merge(base: list, user: list), isRoots: false) == [])
        #expect(try programs(merge(set: ["plugin.apt.sudo_programs=[\"/bin/a\"]"]), isRoots: false) == [])
        #expect(try programs(merge(base: list), isRoots: true) == ["/bin/a", "/bin/b"])
    }

    @Test("may be another for a phase")
    func phases() throws {
        let policy = try merge(etc: [list + "\n[plugin.apt.download]\nsudo_programs = []"])
        #expect(programs(policy, isRoots: false, .download) == [])
        #expect(programs(policy, isRoots: false) == ["/bin/a", "/bin/b"])
    }
}
