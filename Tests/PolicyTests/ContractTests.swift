import PolicyFixtures
import PolicyReports
import RunPolicy
import Testing
import UpdateModel

@testable import Policy

private let example = """
    description = "Updates behind the workloads of a shared server"
    extends = "background"
    enforcement = "required"
    [run]
    memory_high = "25%"
    memory_max  = "35%"
    memory_swap_max = "0"
    cpu_quota   = "100%"
    cpu_weight  = 20
    io_weight   = 10
    io = [{ path = "/", read_bandwidth_max = "80M", write_bandwidth_max = "40M", read_iops_max = 800, write_iops_max = 400 }]
    tasks_max   = 2048
    parallel    = 3
    downloads   = 2
    download_rate = "20M"
    download_enforce = false
    [hooks]
    before_run = ["/etc/update-all/hooks/snapshot"]
    after_run = []
    [protect]
    cpu_some = "20%"
    memory_some = "5%"
    io_some = "15%"
    load_per_cpu = 1.5
    cgroups = ["system.slice/postgresql.service"]
    action = "slow"
    resume_after = "30s"
    [window]
    allow = ["Mon..Fri 22:00-05:00", "Sat,Sun 00:00-23:59"]
    finish_by = true
    [step]
    memory_high = "768M"
    memory_max = "1G"
    nice = 10
    tasks_max = 512
    no_new_privileges = true
    capabilities = []
    leftovers = "kill"
    stop_grace = "10s"
    wait_timeout = "30m"
    oom_retry = 1
    pty = "auto"
    [step.download]
    [plugin.apt]
    run_as = "root"
    timeout = "2h"
    sudo_programs = ["/usr/bin/apt-get"]
    sha256 = "\(String(repeating: "aB", count: 32))"
    self_update = true
    [plugin.apt.execute]
    memory_max = "2G"
    [log]
    keep_days = 90
    keep_bytes = "8G"
    step_bytes = "4G"
    """

@Suite("The example of the contract")
struct ContractTests {
    private func policy() throws -> MergedPolicy {
        try merge(base: example, others: ["background": "[step]\nnice = 19\nleftovers = 'report'"])
    }

    @Test("is accepted whole, every key of it")
    func accepted() throws {
        let policy = try policy()
        #expect(policy.name == "base")
        #expect(policy.description == "Updates behind the workloads of a shared server")
        #expect(policy.enforcement == .required)
        let keys = Set(policy.settings.map(\.slot.key))
        // `extends` has done its work.
        #expect(keys == Set(PolicyKey.allCases).subtracting([.extends]))
    }

    @Test("gives the run its settings on a machine")
    func run() throws {
        let run = try policy().run(on: machine)
        #expect(run.parallel == 3)
        #expect(run.downloads == 2)
        #expect(run.limits.memoryHigh == ByteCount(4 << 30))
        #expect(run.limits.memoryMax?.bytes == Int64(Double(16 << 30) * 0.35))
        #expect(run.limits.memorySwapMax == ByteCount(0))
        #expect(run.limits.cpuQuota == Fraction(1))
        #expect(run.limits.cpuWeight == .weight(20))
        #expect(run.limits.ioWeight == 10)
        #expect(run.limits.tasksMax == 2048)
        #expect(
            run.limits.io == [
                IOCap(
                    path: "/", readBandwidthMax: ByteCount(80 << 20), writeBandwidthMax: ByteCount(40 << 20),
                    readIOPSMax: 800, writeIOPSMax: 400)
            ])
        #expect(
            run.limitTexts == [
                "memory ≤ 5.6 GiB", "CPU ≤ 100 % of one", "3 steps at a time", "2 downloads at 20 MiB/s together",
            ])
    }

    @Test("gives each step its settings")
    func step() throws {
        let step = try policy().step(apt, .execute, on: machine)
        #expect(step.limits.memoryHigh == ByteCount(768 << 20))
        #expect(step.limits.memoryMax == ByteCount(2 << 30))
        #expect(step.nice == 10)
        #expect(step.noNewPrivileges)
        #expect(step.capabilities == [])
        #expect(step.leftovers == .kill)
        #expect(step.stopGrace == .seconds(10))
        #expect(step.waitTimeout == .seconds(1800))
        #expect(step.terminal == .auto)
        #expect(step.timeout == .seconds(7200))
        #expect(step.runAs == .root)
        #expect(step.sha256 == String(repeating: "ab", count: 32))
        #expect(step.updatesItself)
        #expect(try policy().step(apt, .download, on: machine).limits.memoryMax == ByteCount(1 << 30))
    }

    @Test("says when a run steps back")
    func protection() throws {
        let protection = try policy().protection
        #expect(protection.cpuSome == Fraction(0.2))
        #expect(protection.memorySome == Fraction(0.05))
        #expect(protection.ioSome == Fraction(0.15))
        #expect(protection.loadPerCPU == 1.5)
        #expect(protection.cgroups == ["system.slice/postgresql.service"])
        #expect(protection.action == .slow)
        #expect(protection.resumeAfter == .seconds(30))
    }

    @Test("says when updates may run")
    func window() throws {
        let window = try #require(try policy().window)
        #expect(window.finishBy)
        #expect(window.windows.texts == ["Mon..Fri 22:00-05:00", "Sat,Sun 00:00-23:59"])
        #expect(try merge(base: "[window]\nallow = []\nfinish_by = true").window == nil)
        #expect(try merge().window == nil)
    }

    @Test("says how long logs are kept and become; without it 90 days, 8 GiB and 4 GiB")
    func logs() throws {
        #expect(try policy().logs == LogSettings())
        let logs = try merge(base: "[log]\nkeep_days = 7\nkeep_bytes = \"1G\"\nstep_bytes = \"4K\"").logs
        #expect(logs.keepDays == 7 && logs.keepBytes == ByteCount(1 << 30) && logs.stepBytes == ByteCount(4096))
        #expect(messages("[log]\nstep_bytes = 4095")[0].contains("must be a size of at least \"4K\", not 4095"))
    }
}
