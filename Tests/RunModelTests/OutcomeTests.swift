import RunModel
import Testing

@Suite struct OutcomeTests {
    @Test("Outcomes have the contract's names")
    func names() {
        #expect(
            Outcome.allCases.map(\.rawValue) == [
                "succeeded", "up_to_date", "not_applicable", "failed", "timed_out", "oom_killed", "killed", "cancelled",
                "dependency_failed", "needs_auth", "deferred", "skipped",
            ])
    }

    @Test("A requirement is met by what is up to date, and not by what was merely skipped")
    func requirements() {
        #expect(Outcome.allCases.filter(\.satisfiesRequirement) == [.succeeded, .upToDate])
        #expect(Outcome.allCases.filter(\.isSuccess) == [.succeeded, .upToDate, .notApplicable, .skipped])
    }

    @Test("Of the codes that apply the first of 128+N, 4, 3, 2, 1, 75, 6, 100 counts")
    func precedence() {
        let falling: [ExitCode] = [
            .signal(15), .authentication, .unenforceable, .usage, .failure, .deferredByLock, .deferredByPolicy,
            .updatesAvailable, .success,
        ]
        for (index, code) in falling.enumerated() {
            #expect(ExitCode.combined(falling[index...].shuffled()) == code)
        }
        #expect(ExitCode.combined([]) == .success)
        #expect(falling.map(\.rawValue) == [143, 4, 3, 2, 1, 75, 6, 100, 0])
        #expect(ExitCode.locked.rawValue == 5)
    }
}
