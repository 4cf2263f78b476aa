import RunModel
import Testing
import UpdateModel

@testable import Execution

/// One lifecycle and what it answers.
private struct Life {
    var lifecycle: ProcessLifecycle

    init(
        protected isProtected: Bool = false, stopSignal: Int32? = nil, grace: Duration = .seconds(10),
        timeout: Duration? = nil, leftovers: Leftovers = .kill
    ) {
        lifecycle = ProcessLifecycle(
            rules: ProcessLifecycle.Rules(
                isProtected: isProtected, stopSignal: stopSignal, stopGrace: grace, timeout: timeout,
                leftovers: leftovers))
    }

    mutating func stop(_ cause: StopCause = cancelled, urgently isUrgent: Bool = false, at second: Double) -> Actions {
        lifecycle.stopRequested(cause, isUrgent: isUrgent, at: time(second))
    }
    mutating func exit(_ exit: ProcessExit = good, at second: Double) -> Actions {
        lifecycle.mainExited(exit, at: time(second))
    }
    mutating func seen(_ processes: [Int32], at second: Double) -> Actions {
        lifecycle.leftoversSeen(processes, at: time(second))
    }
    mutating func outputEnds(at second: Double) -> Actions { lifecycle.outputsEnded(at: time(second)) }
    mutating func passes(_ second: Double) -> Actions { lifecycle.timePassed(at: time(second)) }
}

private typealias Actions = [ProcessLifecycle.Action]
private let good = ProcessExit(status: 0, isSignal: false)
private let terminated = ProcessExit(status: 15, isSignal: true)
private let cancelled = StopCause.cancelled(signal: 2)

private func time(_ second: Double) -> Duration { .milliseconds(Int64(second * 1000)) }

private func end(
    _ exit: ProcessExit = good, _ cause: StopCause? = nil, leftovers: [Int32] = [], remain: Bool = false
) -> ProcessLifecycle.Action {
    .finish(ProcessLifecycle.End(exit: exit, cause: cause, leftovers: leftovers, leftoversRemain: remain))
}

@Suite("How a process lives and ends") struct ProcessLifecycleTests {
    @Test("One that exits when its output has ended ends at once")
    func plainEnd() {
        var life = Life()
        #expect(life.lifecycle.started(at: .zero) == [])
        #expect(life.outputEnds(at: 1) == [])
        #expect(life.exit(at: 1) == [.inspectLeftovers])
        #expect(!life.lifecycle.hasEnded)
        #expect(life.seen([], at: 1) == [end()])
        #expect(life.lifecycle.hasEnded)
    }

    @Test("Output that is still in the pipe after the exit is read to its end")
    func outputAfterExit() {
        var life = Life()
        _ = life.exit(at: 1)
        #expect(life.seen([], at: 1) == [.wake(at: time(3))])
        life.lifecycle.outputArrived(at: time(2.5))
        #expect(life.passes(3) == [.wake(at: time(4.5))], "nobody is left who could write: what comes is not cut off")
        #expect(life.outputEnds(at: 4) == [end()])
    }

    @Test("A grandchild that keeps the pipe open does not hold the step open: two seconds for its output")
    func grandchildKeepsPipe() {
        var life = Life(leftovers: .report)
        _ = life.exit(at: 1)
        #expect(life.seen([7], at: 1) == [.wake(at: time(3))])
        life.lifecycle.outputArrived(at: time(2.9))
        #expect(life.passes(3) == [.closeOutput, end(leftovers: [7], remain: true)])
    }

    @Test("A pipe that stays open though nobody is left ends with the grace, too")
    func pipeInForeignHands() {
        var life = Life()
        _ = life.exit(at: 1)
        _ = life.seen([], at: 1)
        #expect(life.passes(3) == [.closeOutput, end()])
    }

    @Test("Leftovers are killed where the policy says so, and then it ends when they are gone")
    func leftoversKilled() {
        var life = Life(leftovers: .kill)
        _ = life.outputEnds(at: 1)
        _ = life.exit(at: 1)
        #expect(life.seen([7, 8], at: 1) == [.killAll, .wake(at: time(11)), .watchLeftovers])
        #expect(life.seen([8], at: 1.1) == [])
        #expect(life.seen([], at: 1.2) == [end(leftovers: [7, 8])])
    }

    @Test("Leftovers that are kept or reported are left alone", arguments: [Leftovers.keep, .report])
    func leftoversStay(policy: Leftovers) {
        var life = Life(leftovers: policy)
        _ = life.outputEnds(at: 1)
        _ = life.exit(at: 1)
        #expect(life.seen([7], at: 1) == [end(leftovers: [7], remain: true)])
    }

    @Test("Leftovers of a commit are reported, whatever the policy says", arguments: Leftovers.allCases)
    func leftoversOfCommit(policy: Leftovers) {
        var life = Life(protected: true, leftovers: policy)
        _ = life.outputEnds(at: 1)
        _ = life.exit(at: 1)
        #expect(life.seen([7], at: 1) == [end(leftovers: [7], remain: true)])
    }

    @Test("A main process that does not die when it is killed is given up after ten seconds, and told as still there")
    func unkillableMain() {
        var life = Life(grace: .seconds(5))
        _ = life.stop(at: 1)
        #expect(life.passes(6) == [.killAll, .wake(at: time(16))])
        #expect(life.passes(15.9) == [])
        #expect(life.passes(16) == [.inspectLeftovers])
        let killed = ProcessExit(status: 9, isSignal: true)
        #expect(life.seen([4711], at: 16) == [.closeOutput, end(killed, cancelled, leftovers: [4711], remain: true)])
        #expect(life.exit(at: 17) == [], "what ends after all has been told of already")
    }

    @Test("What is asked after the exit hurries what is left, and is not why it ended", arguments: [false, true])
    func stopAfterExit(isUrgent: Bool) {
        var life = Life(leftovers: .report)
        _ = life.exit(at: 1)
        #expect(life.seen([7], at: 1) == [.wake(at: time(3))])
        let answer = life.stop(urgently: isUrgent, at: 1.5)
        #expect(answer.contains(isUrgent ? .killAll : .signalAll(15)))
        _ = life.outputEnds(at: 1.6)
        #expect(life.seen([], at: 1.7) == [end(leftovers: [7])])
    }

    @Test("What does not die when it is killed is given up after ten seconds")
    func unkillable() {
        var life = Life()
        _ = life.outputEnds(at: 1)
        _ = life.exit(at: 1)
        _ = life.seen([7], at: 1)
        #expect(life.passes(10.9) == [])
        #expect(life.passes(11) == [end(leftovers: [7], remain: true)])
    }

    @Test("The first request to stop is SIGTERM to all its processes, then the grace, then the kill")
    func stop() {
        var life = Life(grace: .seconds(10))
        #expect(
            life.stop(at: 5) == [
                .signalAll(15), .announce(cancelled, signal: 15, killAfter: .seconds(10)), .wake(at: time(15)),
            ])
        #expect(life.passes(14.9) == [])
        #expect(life.passes(15) == [.killAll, .wake(at: time(25))])
        #expect(life.exit(terminated, at: 15.1) == [.inspectLeftovers])
        #expect(life.seen([], at: 15.1) == [.wake(at: time(17.1))])
        #expect(life.outputEnds(at: 15.2) == [end(terminated, cancelled)])
    }

    @Test("The manifest's signal takes the place of SIGTERM")
    func stopSignal() {
        var life = Life(stopSignal: 2)
        #expect(life.stop(at: 1).contains(.signalAll(2)))
    }

    @Test("One that ends in its grace is not killed")
    func endInGrace() {
        var life = Life()
        _ = life.stop(at: 5)
        _ = life.outputEnds(at: 6)
        _ = life.exit(at: 6)
        #expect(life.seen([], at: 6) == [end(good, cancelled)])
        #expect(life.passes(15) == [])
    }

    @Test(
        "Processes that are told to end have the rest of the grace though the main process has gone, then they are killed"
    )
    func graceOfOthers() {
        var life = Life(leftovers: .keep)
        _ = life.stop(at: 5)
        _ = life.outputEnds(at: 6)
        _ = life.exit(terminated, at: 6)
        #expect(life.seen([7], at: 6) == [.watchLeftovers])
        #expect(life.passes(14) == [])
        #expect(life.passes(15) == [.killAll, .wake(at: time(25))])
        #expect(life.seen([], at: 15.1) == [end(terminated, cancelled, leftovers: [7])])
    }

    @Test("The second request kills at once; a third does nothing more")
    func secondStop() {
        var life = Life()
        _ = life.stop(at: 5)
        #expect(life.stop(urgently: true, at: 6) == [.killAll, .wake(at: time(16))])
        #expect(life.stop(urgently: true, at: 7) == [])
        #expect(life.passes(15) == [], "the grace is over, and it is killed already")
    }

    @Test("A request without grace is enough of a cause on its own")
    func urgentFirst() {
        var life = Life()
        #expect(life.stop(urgently: true, at: 6) == [.killAll, .wake(at: time(16))])
        _ = life.outputEnds(at: 6)
        _ = life.exit(ProcessExit(status: 9, isSignal: true), at: 6)
        #expect(life.seen([], at: 6) == [end(ProcessExit(status: 9, isSignal: true), cancelled)])
    }

    @Test("The timeout stops it with the same grace")
    func timeout() {
        let cause = StopCause.timedOut(after: .seconds(30))
        var life = Life(timeout: .seconds(30))
        #expect(life.lifecycle.started(at: time(1)) == [.wake(at: time(31))])
        #expect(life.passes(30.9) == [])
        #expect(
            life.passes(31) == [
                .signalAll(15), .announce(cause, signal: 15, killAfter: .seconds(10)), .wake(at: time(41)),
            ])
        #expect(life.stop(at: 32) == [], "it is being stopped already")
        #expect(life.passes(41) == [.killAll, .wake(at: time(51))])
    }

    @Test("The time for which it is frozen does not count for its timeout; it can be killed all the same")
    func frozen() {
        var life = Life(timeout: .seconds(30))
        _ = life.lifecycle.started(at: .zero)
        life.lifecycle.frozen(at: time(10))
        life.lifecycle.frozen(at: time(12))
        #expect(life.passes(30) == [])
        #expect(life.lifecycle.thawed(at: time(110)) == [.wake(at: time(130))])
        #expect(life.lifecycle.thawed(at: time(111)) == [])
        #expect(life.passes(129) == [])
        life.lifecycle.frozen(at: time(129))
        #expect(life.passes(131) == [])
        #expect(life.stop(urgently: true, at: 132) == [.killAll, .wake(at: time(142))])
    }

    @Test("A timeout that comes after a stop changes nothing; neither does one after the exit")
    func lateTimeout() {
        var life = Life(timeout: .seconds(30))
        _ = life.lifecycle.started(at: .zero)
        _ = life.stop(at: 29)
        #expect(life.passes(30) == [])
        var other = Life(timeout: .seconds(30), leftovers: .report)
        _ = other.lifecycle.started(at: .zero)
        _ = other.exit(at: 29)
        #expect(other.seen([7], at: 29) == [.wake(at: time(31))])
        #expect(other.passes(30) == [.wake(at: time(31))])
        #expect(other.passes(31) == [.closeOutput, end(leftovers: [7], remain: true)])
    }

    @Test("A commit gets its own signal once and is waited for")
    func stopCommit() {
        var life = Life(protected: true, stopSignal: 2)
        #expect(life.stop(at: 5) == [.signalMain(2), .announce(cancelled, signal: 2, killAfter: nil)])
        #expect(life.stop(urgently: true, at: 6) == [])
        #expect(life.passes(1000) == [])
        _ = life.outputEnds(at: 1000)
        _ = life.exit(at: 1000)
        #expect(life.seen([], at: 1000) == [end(good, cancelled)])
    }

    @Test("A commit without a signal of its own is only waited for")
    func stopSilentCommit() {
        var life = Life(protected: true)
        #expect(life.stop(at: 5) == [.announce(cancelled, signal: nil, killAfter: nil)])
    }

    @Test("A commit that has exited is sent nothing more")
    func stopEndedCommit() {
        var life = Life(protected: true, stopSignal: 2)
        _ = life.exit(at: 5)
        _ = life.seen([7], at: 5)
        #expect(life.stop(at: 6) == [])
    }

    @Test("A commit beyond its time is reported once, and goes on")
    func overdueCommit() {
        var life = Life(protected: true, timeout: .seconds(30))
        #expect(life.lifecycle.started(at: .zero) == [.wake(at: time(30))])
        #expect(life.passes(30) == [.reportOverdue(.seconds(30))])
        #expect(life.passes(31) == [])
        #expect(life.stop(at: 40) == [.announce(cancelled, signal: nil, killAfter: nil)])
    }

    @Test("A stop while leftovers print tells them to end, and kills them after the grace")
    func stopWhileWindingUp() {
        var life = Life(leftovers: .keep)
        _ = life.exit(at: 1)
        _ = life.seen([7], at: 1)
        #expect(life.stop(at: 2).first == .signalAll(15))
        #expect(life.passes(3) == [.watchLeftovers])
        #expect(life.passes(12) == [.killAll, .wake(at: time(22))])
        #expect(life.outputEnds(at: 12.1) == [])
        #expect(life.seen([], at: 12.1) == [end(leftovers: [7])])
    }

    @Test("After its end nothing more is done")
    func afterEnd() {
        var life = Life()
        _ = life.outputEnds(at: 1)
        _ = life.exit(at: 1)
        _ = life.seen([], at: 1)
        #expect(life.stop(at: 2) == [])
        #expect(life.stop(urgently: true, at: 2) == [])
        #expect(life.exit(at: 2) == [])
        #expect(life.seen([9], at: 2) == [])
        #expect(life.passes(100) == [])
        #expect(life.outputEnds(at: 100) == [])
    }
}
