import RunModel
import Testing
import UpdateModel

@testable import Execution

@Suite("What is watched to see how others fare") struct PressureSourceTests {
    private let protection = {
        var protection = Protection()
        protection.cpuSome = Fraction(0.2)
        protection.memorySome = Fraction(0.05)
        return protection
    }()

    private func sources(_ protection: Protection, runPath: String?, mount: String? = "/cg", without: [String] = [])
        -> [String]
    {
        PressureSource.all(for: protection, mount: mount, runPath: runPath) { file in
            !without.contains(file)
        }.map { "\($0.name) \($0.file)\($0.ownFile.map { " less \($0)" } ?? "") \($0.threshold.percentText)" }
    }

    @Test("The slices of a machine's work for CPU and memory, and of the whole machine memory less our own")
    func slices() {
        #expect(
            sources(protection, runPath: "/updateall.slice/run-1", without: ["/cg/machine.slice"]) == [
                "system.slice /cg/system.slice/cpu.pressure 20 %", "system.slice /cg/system.slice/memory.pressure 5 %",
                "user.slice /cg/user.slice/cpu.pressure 20 %", "user.slice /cg/user.slice/memory.pressure 5 %",
                "the machine /proc/pressure/memory less /cg/updateall.slice/run-1/memory.pressure 5 %",
            ])
    }

    @Test("The groups that the policy names, whether they are there yet or not, and nothing else")
    func named() {
        var named = protection
        named.cgroups = ["system.slice/postgresql.service"]
        named.memorySome = nil
        #expect(
            sources(named, runPath: "/updateall.slice/run-1", without: ["/cg/system.slice/postgresql.service"]) == [
                "postgresql.service /cg/system.slice/postgresql.service/cpu.pressure 20 %"
            ])
    }

    @Test("Of a group that we are in ourselves what we wait for is taken off")
    func inside() {
        let own = "/user.slice/user-1000.slice/run-1"
        let lines = sources(protection, runPath: own, without: ["/cg/system.slice", "/cg/machine.slice"])
        #expect(lines.first == "user.slice /cg/user.slice/cpu.pressure less /cg\(own)/cpu.pressure 20 %")
    }

    @Test("Without a group of our own the machine's figures count us, and are not looked at")
    func groupless() {
        #expect(sources(protection, runPath: nil, mount: nil).isEmpty)
        #expect(!sources(protection, runPath: nil).contains { $0.hasPrefix("the machine") })
    }

    @Test("Without a threshold nothing is watched")
    func nothing() {
        #expect(sources(Protection(), runPath: "/run").isEmpty)
        #expect(!Protection().isActive)
    }
}
