import Foundation
import Policy
import PolicyFixtures
import PolicyReports
import Testing
import UpdateModel

private func shipped(_ name: String) throws -> MergedPolicy {
    let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policies")
    func text(_ name: String) -> PolicyText? {
        (try? Data(contentsOf: directory.appending(path: "\(name).toml"))).map {
            PolicyText(file: "policies/\(name).toml", bytes: Array($0))
        }
    }
    let base: PolicyText = try #require(text(name))
    return try mergePolicy(PolicyTexts(base: base)) { name, _ in text(name) }
}

private func writes(_ limits: Limits, _ role: GroupRole) -> [String] {
    controlWrites(for: limits, of: role, on: machine).writes.map(\.description)
}

@Suite("The shipped policies")
struct ShippedPoliciesTests {
    @Test(
        "are valid, preferred, without a window, and wholly in force",
        arguments: [
            "background", "ci-host", "database-host", "hpc-login", "shared-server", "unlimited", "workstation",
        ])
    func valid(name: String) throws {
        let policy = try shipped(name)
        #expect(policy.name == name)
        #expect(policy.description?.isEmpty == false)
        #expect(policy.enforcement == .preferred)
        #expect(!policy.settings.contains { $0.slot.table == .window })
        if name == "unlimited" { return }
        #expect(policy.step(apt, .execute, on: machine).nice == 19)
        #expect(policy.run(on: machine).limits.cpuWeight == .idle)
    }

    @Test("are these, and each is in the table above")
    func all() throws {
        let files = try FileManager.default.contentsOfDirectory(
            atPath: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policies").path())
        #expect(files.count == 7 && files.allSatisfy { $0.hasSuffix(".toml") })
    }

    @Test("give a reason for each number: a comment stands above every value")
    func reasons() throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policies")
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path()) {
            let lines = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
                .split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first?.hasPrefix("# ") == true, "\(file) does not begin with what it is for")
            for (above, line) in zip(lines, lines.dropFirst()) where line.contains(" = ") && !line.hasPrefix("#") {
                let key = line.prefix { $0 != " " }
                if ["description", "extends", "enforcement"].contains(key) { continue }
                // Two that have one reason stand together.
                #expect(above.hasPrefix("#") || above.contains(" = "), "\(file): \(line)")
            }
        }
    }

    @Test("unlimited limits nothing, and nothing in it can be missing on a machine")
    func unlimited() throws {
        let policy = try shipped("unlimited")
        #expect(policy.run(on: machine).limits == Limits())
        #expect(policy.run(on: machine).parallel == nil)
        #expect(policy.step(apt, .execute, on: machine).limits == Limits())
        #expect(policy.step(apt, .execute, on: machine).nice == 0)
    }

    @Test("database-host holds updates to one at a time, a tenth of the memory and few operations")
    func databaseHost() throws {
        let run = try shipped("database-host").run(on: machine)
        #expect(run.limitTexts == ["memory ≤ 1.6 GiB", "CPU idle-class", "1 step at a time", "1 download"])
        #expect(
            writes(run.limits, .run).last == "io.max = 8:0 rbps=41943040 wbps=20971520 riops=800 wiops=400")
    }

    @Test("shared-server holds a run to a quarter of the memory, behind everything else")
    func sharedServer() throws {
        let policy = try shipped("shared-server")
        let run = policy.run(on: machine)
        #expect(run.limitTexts == ["memory ≤ 4.0 GiB", "CPU idle-class", "4 steps at a time", "2 downloads"])
        #expect(
            writes(run.limits, .run) == [
                "cpu.idle = 1", "io.weight = default 10", "io.max = 8:0 rbps=83886080 wbps=41943040",
            ])
        #expect(
            writes(run.limits, .branch) == [
                "memory.swap.max = 1717985280", "memory.max = 4294967296", "pids.max = 2048",
            ])
        #expect(writes(run.limits, .protectedBranch) == ["memory.high = 4294967296"])
        let step = policy.step(apt, .execute, on: machine)
        #expect(writes(step.limits, .leaf) == ["memory.max = 805306368", "memory.oom.group = 1", "pids.max = 512"])
        #expect(writes(step.limits, .protectedLeaf) == ["memory.high = 805306368"])
        #expect(policy.ioPaths == ["/"])
    }

    @Test("workstation gives a person's updates half of the memory and no caps on disks")
    func workstation() throws {
        let policy = try shipped("workstation")
        #expect(
            writes(policy.run(on: machine).limits, .branch) == ["memory.max = 8589934592", "pids.max = 2048"])
        #expect(writes(policy.run(on: machine).limits, .run) == ["cpu.idle = 1", "io.weight = default 10"])
        #expect(
            policy.step(apt, .download, on: machine).limits == Limits(memoryMax: ByteCount(2 << 30), tasksMax: 1024))
    }
}

@Suite("The words of a run's limits")
struct RunLimitTextsTests {
    @Test("name only what is limited")
    func texts() {
        var run = RunSettings()
        #expect(run.limitTexts == ["2 downloads"])
        run.limits = Limits(memoryHigh: ByteCount(1 << 30), cpuQuota: Fraction(1.5))
        run.parallel = 1
        run.downloads = 1
        #expect(run.limitTexts == ["memory held to 1.0 GiB", "CPU ≤ 150 % of one", "1 step at a time", "1 download"])
    }
}
