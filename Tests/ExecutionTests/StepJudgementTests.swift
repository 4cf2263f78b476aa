import RunModel
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

@Suite("What a step's end means") struct StepJudgementTests {
    private func judge(
        _ status: Int32 = 0, signal: Int32? = nil, cause: StopCause? = nil, protected isProtected: Bool = false,
        oomKills: Int64 = 0, peak: ByteCount? = nil, limit: ByteCount? = nil, logFailure: Errno? = nil,
        launchError: LaunchError? = nil, lastLine: String? = nil
    ) -> PhaseEnd {
        let exit = ProcessExit(status: signal ?? status, isSignal: signal != nil)
        return StepJudgement(
            command: stepCommand(plugin("apt"), isProtected: isProtected),
            end: ProcessLifecycle.End(exit: exit, cause: cause, leftovers: [], leftoversRemain: false),
            oomKills: oomKills, killingLimit: limit, memoryPeak: peak, logFailure: logFailure,
            launchError: launchError, lastLine: lastLine
        ).phaseEnd
    }

    @Test("Exit code 0 is success, another is failure with the last line that it printed")
    func exitCodes() {
        #expect(judge() == PhaseEnd(phase: .execute, outcome: .succeeded, exitCode: 0))
        #expect(
            judge(100, lastLine: "E: no space")
                == PhaseEnd(phase: .execute, outcome: .failed, exitCode: 100, error: "E: no space"))
    }

    @Test("One that never was its program has failed, with why it could not be; its exit code is not the program's")
    func notLaunched() {
        let error = LaunchError(
            executable: "/p/apt", stage: .execute, attempt: "execute it", errno: .noSuchFileOrDirectory, advice: "")
        #expect(
            judge(127, launchError: error)
                == PhaseEnd(phase: .execute, outcome: .failed, error: error.description))
        #expect(judge(127, launchError: error, lastLine: "").exitCode == nil)
        #expect(judge(signal: 9, oomKills: 1, launchError: error).outcome == .oomKilled)
    }

    @Test("A signal that nobody of us sent is told as one")
    func killed() {
        #expect(judge(signal: 11) == PhaseEnd(phase: .execute, outcome: .killed, signal: 11))
    }

    @Test("A step that was told to end ends as what it was told for, whatever its exit", arguments: [0, 1] as [Int32])
    func stopped(status: Int32) {
        let late = judge(status, cause: .timedOut(after: .seconds(90)))
        #expect(late.outcome == .timedOut)
        #expect(late.exitCode == -1)
        #expect(late.error == "Command timed out after 90s")
        #expect(judge(status, cause: .cancelled(signal: 2)).outcome == .cancelled)
        let full = judge(status, cause: .logFailed, logFailure: .noSpace)
        #expect(full.outcome == .failed)
        #expect(full.error?.contains("No space left on device") == true)
        #expect(full.error?.contains("--state-dir") == true)
    }

    @Test("A log whose last bytes were refused after the exit fails the step", arguments: [0, 1] as [Int32])
    func lateLogFailure(status: Int32) {
        let end = judge(status, logFailure: .noSpace, lastLine: "done")
        #expect(end.outcome == .failed)
        #expect(end.error?.hasPrefix("its log cannot be written: No space left on device") == true)
        #expect(judge(0, cause: .cancelled(signal: 2), logFailure: .noSpace).outcome == .cancelled)
    }

    @Test("Of a commit its own exit counts")
    func commit() {
        #expect(judge(0, cause: .cancelled(signal: 2), protected: true).outcome == .succeeded)
        #expect(judge(1, cause: .cancelled(signal: 2), protected: true).outcome == .cancelled)
        #expect(judge(1, protected: true).outcome == .failed)
        #expect(judge(signal: 9, protected: true, oomKills: 1).outcome == .oomKilled)
        #expect(judge(0, protected: true, logFailure: .noSpace).outcome == .succeeded)
    }

    @Test("A step that was killed at its memory limit is told the limit, what it used, and what to set")
    func ownLimit() {
        let end = judge(signal: 9, oomKills: 1, peak: ByteCount(512 << 20), limit: ByteCount(512 << 20))
        #expect(end.outcome == .oomKilled)
        #expect(
            end.error == "apt was killed at its memory limit: 512 MiB allowed, 512 MiB used."
                + " Raise [plugin.apt] memory_max, or --set plugin.apt.memory_max=1G")
        let odd = judge(1, oomKills: 1, limit: ByteCount(100 << 20))
        #expect(odd.error?.contains("all used") == true)
        #expect(odd.error?.hasSuffix("memory_max=200M") == true)
    }

    @Test("Without a limit of its own it was the run's or the machine's memory")
    func machineMemory() {
        let end = judge(signal: 9, oomKills: 1)
        #expect(end.outcome == .oomKilled)
        #expect(end.error?.contains("of the whole run or of the machine") == true)
        #expect(end.error?.contains("--jobs 1") == true)
    }

    @Test("One that succeeds although a child was killed for memory has succeeded")
    func survivor() {
        #expect(judge(0, oomKills: 1).outcome == .succeeded)
    }
}
