import Glibc
import LinuxSystem
import PluginProtocol
import RunModel
import Scheduling
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

private func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }

private let machine = MachineFacts(
    hostName: "db7", memory: ByteCount(1 << 30), cpus: 4, pageSize: 4096, controllers: Set(Controller.allCases))

private let run = RunID("20261121-073012-4711")!

@Suite("The record of what steps needed, as a file") struct PeakFileTests {
    private func file(in directory: TemporaryDirectory) -> PeakFile {
        PeakFile(
            Places(
                environment: [:], executable: "/nowhere/update-all", userID: 1000, home: "/",
                stateDirectory: directory.path, pluginDirectories: []))
    }

    private var record: PeakRecord {
        var record = PeakRecord()
        record.noteKill(of: step("build"), at: mebibytes(64), in: run)
        return record
    }

    @Test("What is written is read, by nobody else, and leaves no other file")
    func written() throws {
        let directory = try TemporaryDirectory()
        let file = file(in: directory)
        #expect(file.read().trouble == nil)
        try file.write(record)
        try file.write(record)
        #expect(file.read().record == record)
        #expect(try status(file.path).st_mode & 0o777 == 0o600)
        #expect(try directoryEntries(directory.path) == ["peaks.json"])
    }

    @Test("A damaged record is put aside with a message, and the next one is whole")
    func damaged() throws {
        let directory = try TemporaryDirectory()
        let file = file(in: directory)
        try directory.write("peaks.json", "{\"version\":1,\"steps\":[{")
        let (found, trouble) = file.read()
        #expect(found == PeakRecord())
        let path = "\(directory.path)/peaks.json"
        #expect(
            trouble?.hasPrefix("what steps needed in earlier runs is not known: \(path):1:") == true
                && trouble?.hasSuffix("; it is put aside as \(path).damaged") == true, "\(trouble ?? "")")
        #expect(try text("\(path).damaged") == "{\"version\":1,\"steps\":[{")
        #expect(file.read().trouble == nil)
        try file.write(record)
        #expect(file.read().record == record)
    }

    @Test("One that cannot be read stays, and one that cannot be written leaves the old one")
    func unreadable() throws {
        let directory = try TemporaryDirectory()
        let file = file(in: directory)
        try makeDirectory("\(directory.path)/peaks.json", mode: 0o755)
        #expect(
            file.read().trouble
                == "what steps needed in earlier runs is not known: \(file.path) cannot be read: Is a directory")
        #expect(throws: Errno.self) { try file.write(record) }
        #expect(try directoryEntries(directory.path) == ["peaks.json"])
    }
}

@Suite("What a step's demand and limit are made of") struct MemoryPlanTests {
    private func planner(
        _ text: String, _ record: PeakRecord, _ selection: Execution.Selection = Execution.Selection()
    ) throws -> Planner {
        var planner = Planner(policy: try policy(text), machine: machine, selection: selection) { _, _, _ in
            .success("alice")
        }
        planner.record = record
        return planner
    }

    private func facts(_ demand: Demand = Demand(), isProtected: Bool = false) -> PluginFacts {
        var facts = PluginFacts(plugin: plugin("build"), verdict: .runs)
        facts.phases = [PhaseFacts(phase: .execute)]
        facts.phases[0].demand = demand
        facts.phases[0].isProtected = isProtected
        return facts
    }

    private var record: PeakRecord {
        var record = PeakRecord()
        record.noteKill(of: step("build"), at: mebibytes(64), in: run)
        record.noteSuccess(of: step("build"), needing: mebibytes(101), under: mebibytes(128), in: run)
        return record
    }

    private static let retrying = "[step]\nmemory_high = \"32M\"\nmemory_max = \"64M\"\noom_retry = 1"

    @Test("A step that was killed begins with what it got through with, and the plan says so")
    func lesson() throws {
        let prepared = try planner(Self.retrying, record).plan([facts()], notSelected: [])
        let planned = try #require(prepared.plan.steps.first)
        #expect(planned.demand == Demand(memory: mebibytes(101), memorySource: .record))
        #expect(planned.limits.first { $0.file == "memory.max" }?.value == "\(128 << 20)")
        #expect(planned.limits.first { $0.file == "memory.high" }?.value == "\(64 << 20)")
        #expect(prepared.commands[step("build")]?.hints.memory == mebibytes(64))
        #expect(
            prepared.plan.deviations == [
                LimitDeviation(
                    control: "memory.max", requested: "\(64 << 20)", effective: "\(128 << 20)",
                    reason: "build/execute was killed at its memory limit in an earlier run (oom_retry)")
            ])
    }

    @Test(
        "It gets what the policy says where that has no oom_retry or no more memory, and never as a commit",
        arguments: [
            (retrying.replacing("oom_retry = 1", with: ""), false, "67108864"),
            ("[run]\nmemory_max = \"64M\"\n\(retrying)", false, "67108864"),
            ("[run]\nmemory_max = \"100M\"\n\(retrying)", false, "104857600"),
            (retrying, true, nil),
        ] as [(String, Bool, String?)])
    func withoutLesson(policy: String, isProtected: Bool, expected: String?) throws {
        let prepared = try planner(policy, record).plan([facts(isProtected: isProtected)], notSelected: [])
        let planned = try #require(prepared.plan.steps.first)
        #expect(planned.limits.first { $0.file == "memory.max" }?.value == expected)
    }

    @Test("A saved plan expects what it says, whatever was learned since")
    func savedPlan() throws {
        let saved = try planner("[run]\nmemory_max = \"1G\"", PeakRecord()).plan(
            [facts(Demand(memory: mebibytes(7), memorySource: .manifest))], notSelected: []
        ).plan
        var following = Execution.Selection()
        following.saved = saved
        let plan = try planner("[run]\nmemory_max = \"1G\"", record, following).plan([facts()], notSelected: []).plan
        #expect(plan.steps.first?.demand == Demand(memory: mebibytes(7), memorySource: .manifest))
    }
}

@Suite("What a run learns of its steps' memory") struct MemoryLessonTests {
    private func lessons(_ text: String = "") throws -> MemoryLessons {
        MemoryLessons(
            Planner(policy: try policy(text), machine: machine, selection: Execution.Selection()) { _, _, _ in
                .success("alice")
            }, run: run)
    }

    private func killed(at limit: Int64?) -> StepMemory {
        StepMemory(needed: nil, limit: limit.map(mebibytes), killingLimit: limit.map(mebibytes))
    }

    private func command(_ retries: Int = 1, limit: Int64 = 64, isProtected: Bool = false) -> StepCommand {
        var command = stepCommand(plugin("build"), isProtected: isProtected)
        command.settings.oomRetries = retries
        command.settings.limits.memoryMax = mebibytes(limit)
        command.settings.largestMemory = mebibytes(512)
        return command
    }

    @Test("Runs that went well and kills of its own limit are noted; nothing of failures, commits, dry runs and hooks")
    func noted() throws {
        let lessons = try lessons()
        let success = StepMemory(needed: mebibytes(50), limit: mebibytes(64), killingLimit: nil)
        var dry = command()
        dry.isDryRun = true
        var hook = command()
        hook.hook = .beforeRun
        for step in [dry, hook] {
            lessons.note(step, success, .succeeded)
            lessons.note(step, killed(at: 64), .oomKilled)
        }
        lessons.note(command(), success, .failed)
        lessons.note(command(), StepMemory(), .succeeded)
        lessons.note(command(), killed(at: nil), .oomKilled)
        lessons.note(command(isProtected: true), killed(at: 64), .oomKilled)
        #expect(!lessons.hasLearned && lessons.record == PeakRecord())
        lessons.note(command(), success, .succeeded)
        #expect(lessons.hasLearned)
        #expect(lessons.record.demand(of: step("build"), said: Demand()).memory == mebibytes(50))
        lessons.note(command(), killed(at: 64), .oomKilled)
        #expect(
            lessons.record.share(of: step("build"), insteadOf: mebibytes(64), atMost: mebibytes(512)) == mebibytes(128))
    }

    @Test("Another try has a group of its own, the larger limits, and takes so much when its turn comes")
    func larger() throws {
        let retry = try lessons().retry(command(), killed(at: 64))
        #expect(retry.command.attempt == 2 && retry.command.memoryRetries == 1 && !retry.command.isAlone)
        #expect(retry.command.limits.first { $0.file == "memory.max" }?.value == "\(128 << 20)")
        #expect(retry.amounts == [NamedAmount("memory", Double(128 << 20))])
        #expect(throws: MemoryKill.Refusal.spent(tries: 1)) {
            try lessons().retry(retry.command, killed(at: 128))
        }
    }

    @Test("What the run's limit killed is tried alone")
    func alone() throws {
        let lessons = try lessons("[run]\nmemory_max = \"96M\"")
        let retry = try lessons.retry(command(2), killed(at: nil))
        #expect(retry.command.isAlone && retry.command.limits == command().limits)
        #expect(retry.amounts.map(\.name) == ["memory", "parallel"])
        #expect(retry.deviation.effective == "alone")
        #expect(throws: MemoryKill.Refusal.wasAlone) { try lessons.retry(retry.command, killed(at: nil)) }
    }

    @Test("A commit is never tried again, and each refusal but the policy's own is told")
    func refusals() throws {
        #expect(throws: MemoryKill.Refusal.notWanted) {
            try lessons().retry(command(isProtected: true), killed(at: nil))
        }
        #expect(MemoryKill.Refusal.notWanted.sentence == nil)
        for refusal in [.spent(tries: 2), .noLargerShare(mebibytes(64)), .wasAlone, .machine] as [MemoryKill.Refusal] {
            #expect(refusal.sentence?.hasPrefix("It was ") == true)
        }
    }
}
