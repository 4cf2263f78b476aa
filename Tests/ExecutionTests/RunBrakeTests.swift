import Testing
import TestSupport

@testable import Execution

@Suite("What keeps a run back, and on whose account") struct RunBrakeTests {
    private final class Record {
        var said: [String] = []
        var obstacle: String?
        private(set) lazy var brake = RunBrake(
            RunBrake.Effects(
                hold: { [unowned self] in said.append("hold for \($0)") },
                goOn: { [unowned self] in said.append("go on") },
                setFrozen: { [unowned self] isFrozen in
                    if obstacle == nil { said.append(isFrozen ? "freeze" : "thaw") }
                    return obstacle
                }))
    }

    private let record = Record()
    private var brake: RunBrake { record.brake }

    @Test("What the governor froze stays frozen when somebody resumes, and the other way round")
    func both() {
        brake.hold(.pressure)
        brake.freeze(.pressure)
        brake.hold(.pause)
        brake.freeze(.pause)
        brake.thaw(.pause)
        brake.goOn(.pause)
        #expect(brake.isFrozen)
        brake.hold(.pause)
        brake.freeze(.pause)
        brake.thaw(.pressure)
        brake.goOn(.pressure)
        #expect(brake.isFrozen)
        brake.thaw(.pause)
        brake.goOn(.pause)
        #expect(!brake.isFrozen)
        #expect(
            record.said == [
                "hold for pressure", "freeze", "hold for pause", "hold for pressure", "hold for pause", "thaw", "go on",
            ])
    }

    @Test("Somebody's word is told before the pressure, since it is what can be taken back")
    func told() {
        brake.hold(.pause)
        brake.hold(.pressure)
        brake.goOn(.pause)
        brake.goOn(.pressure)
        #expect(record.said == ["hold for pause", "hold for pressure", "go on"])
    }

    @Test("What cannot be frozen is told each time, does not count as frozen, and is still held")
    func obstacle() {
        record.obstacle = "no"
        brake.hold(.pause)
        #expect(brake.freeze(.pause) == "no")
        #expect(!brake.isFrozen)
        #expect(brake.thaw(.pause) == nil)
        brake.goOn(.pause)
        #expect(record.said == ["hold for pause", "go on"])
    }

    @Test("Whatever comes in whatever order: frozen only while held, and as long as somebody wants it")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        var holding: Set<BrakeReason> = []
        var freezing: Set<BrakeReason> = []
        for _ in 0..<2000 {
            let reason: BrakeReason = Bool.random(using: &generator) ? .pause : .pressure
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                brake.hold(reason)
                holding.insert(reason)
            case 1 where holding.contains(reason):
                brake.freeze(reason)
                freezing.insert(reason)
            case 2:
                brake.thaw(reason)
                freezing.remove(reason)
            case 3 where !freezing.contains(reason):
                brake.goOn(reason)
                holding.remove(reason)
            default: continue
            }
            #expect(brake.isFrozen == !freezing.isEmpty, "seed \(seed)")
        }
        // Each kind of word is said once, until its opposite is.
        let freezes = record.said.filter { $0 == "freeze" || $0 == "thaw" }
        for (first, second) in zip(freezes, freezes.dropFirst()) { #expect(first != second, "seed \(seed)") }
        for (first, second) in zip(record.said, record.said.dropFirst()) { #expect(first != second, "seed \(seed)") }
    }
}
