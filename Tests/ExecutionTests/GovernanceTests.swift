import Glibc
import Governing
import LinuxSystem
import Reactor
import RunModel
import Streams
import Synchronization
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

/// The governor's hands, with a pressure file and a trigger that a test has made.
@Suite("The governor's triggers") struct GovernanceTests {
    /// What was said, in order.
    private final class Said: Sendable {
        let texts = Mutex<[String]>([])
        let more: WakeUp

        init() throws { more = try WakeUp() }

        func add(_ text: String) {
            texts.withLock { $0.append(text) }
            more.signal()
        }

        /// Waits for it, at most 20 s.
        func waits(for text: String) -> Bool {
            let deadline = monotonicTime() + .seconds(20)
            while monotonicTime() < deadline {
                if texts.withLock({ $0.contains { $0.contains(text) } }) { return true }
                more.wait(limit: deadline - monotonicTime())
            }
            return false
        }
    }

    private actor Host {
        private let loop: EventLoop
        private var governance: Governance?

        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

        init() throws { loop = try EventLoop(name: "governance") }

        /// - Parameter trigger: open as long as this lives; what the kernel would tell by a trigger comes from it.
        func start(_ file: String, trigger: CInt, said: Said) {
            var protection = Protection()
            protection.ioSome = Fraction(0.2)
            protection.cgroups = [file]
            func sources(_ protection: Protection) -> [PressureSource] {
                protection.cgroups.map {
                    PressureSource(name: "db.service", kind: .io, file: $0, ownFile: nil, threshold: Fraction(0.2))
                }
            }
            let governance = Governance(
                protection, limits: Limits(), machine: .current(), tree: nil, loop: loop, sources: sources,
                armTrigger: { _, _, _ in OwnedDescriptor(owning: dup(trigger)) },
                effects: Governance.Effects(
                    hold: { said.add("hold") }, goOn: { said.add("go on") }, setFrozen: { _ in nil },
                    publish: { said.add("\($0.state): \($0.cause)") }, report: { said.add($0) }))
            self.governance = governance
            governance.start()
        }

        /// Has it watch `file` instead.
        func revise(_ file: String) {
            var protection = Protection()
            protection.ioSome = Fraction(0.2)
            protection.cgroups = [file]
            protection.action = .freeze
            governance?.revise(protection)
        }

        func stop() {
            governance?.stop()
            governance = nil
            loop.stop()
        }
    }

    private func pressure(_ average: String) -> String {
        "some avg10=\(average) avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    }

    @Test("One that is lost is told once, and its file is looked at instead, also where that comes later")
    func lost() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("io.pressure", pressure("0.00"))
        let said = try Said()
        let (trigger, other) = try Pipe().ends()
        defer { close(trigger) }
        let host = try Host()
        await host.start(file, trigger: trigger, said: said)
        // As the kernel tells that the group has gone: a hang-up, with the file.
        unlink(file)
        close(other)
        #expect(said.waits(for: "no longer tells of the pressure on db.service"))
        try directory.write("io.pressure", pressure("60.00"))
        #expect(said.waits(for: "slowed: db.service waits for I/O (PSI 60 %)"))
        await host.stop()
        let texts = said.texts.withLock(\.self)
        #expect(texts.count { $0.contains("no longer tells") } == 1, "\(texts)")
        #expect(texts.last == "go on")
    }

    @Test("A policy that changes has others watched and other stages taken, and what is not watched is nobody's cause")
    func revised() async throws {
        let directory = try TemporaryDirectory()
        let calm = try directory.write("calm.pressure", pressure("0.00"))
        let strained = try directory.write("strained.pressure", pressure("60.00"))
        let said = try Said()
        let (trigger, other) = try Pipe().ends()
        defer { close(trigger) }
        let host = try Host()
        await host.start(calm, trigger: trigger, said: said)
        #expect(said.texts.withLock(\.self).isEmpty)
        await host.revise(strained)
        #expect(said.waits(for: "frozen: db.service waits for I/O (PSI 60 %)"))
        await host.stop()
        close(other)
        #expect(said.texts.withLock(\.self).suffix(2) == ["normal: the run ends", "go on"])
    }
}
