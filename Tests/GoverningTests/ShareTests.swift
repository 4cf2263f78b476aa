import Governing
import Policy
import PolicyFixtures
import Testing
import UpdateModel

private let everything = Limits(
    memoryMax: ByteCount(1 << 30), cpuQuota: Fraction(0.5), cpuWeight: .weight(20), ioWeight: 10,
    io: [
        IOCap(
            path: "/", readBandwidthMax: ByteCount(80 << 20), writeBandwidthMax: ByteCount(40 << 20), readIOPSMax: 800,
            writeIOPSMax: 400)
    ],
    tasksMax: 512)

@Suite("The control writes")
struct ShareTests {
    @Test(
        "of a run that steps back are its CPU time and its caps times the share that is left, and at 1 what they were")
    func share() {
        func left(_ share: Double, of limits: Limits) -> [String] {
            controlWrites(leaving: Fraction(share), of: limits, on: machine).map(\.description)
        }
        #expect(
            left(0.25, of: everything) == [
                "cpu.max = 12500 100000", "io.max = 8:0 rbps=20971520 wbps=10485760 riops=200 wiops=100",
            ])
        #expect(
            left(1, of: everything) == [
                "cpu.max = 50000 100000", "io.max = 8:0 rbps=83886080 wbps=41943040 riops=800 wiops=400",
            ])
        #expect(left(0.5, of: Limits()) == ["cpu.max = \(machine.cpus * 50000) 100000"])
        #expect(left(1, of: Limits()) == ["cpu.max = max"])
        var bare = machine
        bare.controllers = []
        #expect(controlWrites(leaving: Fraction(0.5), of: everything, on: bare).isEmpty)
    }
}
