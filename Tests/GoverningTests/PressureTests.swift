import Testing

@testable import Governing

@Suite struct PressureTests {
    @Test func `the kernel's text is read, in any order of its lines`() {
        let some = "some avg10=12.34 avg60=0.87 avg300=0.73 total=1067627"
        let full = "full avg10=99.00 avg60=0.00 avg300=0.00 total=7"
        for content in [some, "\(some)\n\(full)\n", "\(full)\n\(some)\n"] {
            let pressure = Pressure(content)
            #expect(abs((pressure?.average.value ?? 0) - 0.1234) < 1e-12)
            #expect(pressure?.total == .microseconds(1_067_627))
        }
    }

    @Test(arguments: [
        "", "full avg10=1.00 total=1", "some", "some avg10=1.00", "some total=1", "some avg10=x total=1",
        "some avg10=101.00 total=1", "some avg10 total=1", "some avg10=nan total=1",
    ])
    func `what is not of its form is not guessed at`(content: String) {
        #expect(Pressure(content) == nil)
    }

    @Test func `what we make the machine wait for is not other people's pressure`() {
        let machine = Pressure(average: .init(0.64), total: .zero)
        #expect(machine.less(Pressure(average: .init(0.6), total: .zero)).value < 0.041)
        #expect(machine.less(Pressure(average: .init(0.9), total: .zero)).value == 0)
        #expect(machine.less(nil) == machine.average)
    }

    @Test func `a strain says who suffers`() {
        let clauses = Strain.Kind.allCases.map {
            Strain(source: "postgresql.service", kind: $0, value: 0.234, threshold: 0.2).clause
        }
        #expect(
            clauses == [
                "postgresql.service waits for CPU (PSI 23 %)", "postgresql.service waits for memory (PSI 23 %)",
                "postgresql.service waits for I/O (PSI 23 %)", "postgresql.service has a load of 0.2 for each CPU",
                "postgresql.service is busy for others (23 %)",
            ])
    }
}
