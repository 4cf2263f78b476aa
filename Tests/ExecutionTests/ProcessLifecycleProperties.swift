// A group of imagined processes drives lifecycles through random histories; the rules must hold in all of them.

import RunModel
import TestSupport
import Testing
import UpdateModel

@testable import Execution

/// Processes that behave as they were drawn, and the clock.
private struct ImaginedGroup {
    var now = Duration.zero
    var lifecycle: ProcessLifecycle
    var isProtected: Bool
    var mainEnds: Duration
    var obeys: Bool
    var dies: Bool
    var children: Int
    /// When leftovers end by themselves; `nil`: never.
    var childrenEnd: Duration?
    var outputEnds: Duration?

    var mainHasExited = false
    var outputIsOpen = true
    var isWatched = false
    var deadlines: [Duration] = []
    var finishes: [ProcessLifecycle.End] = []
    var closes = 0
    var violations: [String] = []
    /// When it exited, was killed, or printed for the last time after that.
    var lastSign = Duration.zero

    init(_ generator: inout SeededGenerator) {
        isProtected = Bool.random(using: &generator)
        let rules = ProcessLifecycle.Rules(
            isProtected: isProtected, stopSignal: [nil, 2, 15].randomElement(using: &generator)!,
            stopGrace: .milliseconds(Int64.random(in: 0...20_000, using: &generator)),
            timeout: Bool.random(using: &generator)
                ? .milliseconds(Int64.random(in: 0...60_000, using: &generator)) : nil,
            leftovers: Leftovers.allCases.randomElement(using: &generator)!)
        lifecycle = ProcessLifecycle(rules: rules)
        mainEnds = .milliseconds(Int64.random(in: 0...90_000, using: &generator))
        obeys = Bool.random(using: &generator)
        dies = Int.random(in: 0..<8, using: &generator) > 0
        children = Int.random(in: 0...3, using: &generator)
        childrenEnd =
            Bool.random(using: &generator)
            ? mainEnds + .milliseconds(Int64.random(in: -1000...9000, using: &generator)) : nil
        outputEnds =
            Bool.random(using: &generator)
            ? mainEnds + .milliseconds(Int64.random(in: -1000...5000, using: &generator)) : nil
    }

    var processes: [Int32] { (mainHasExited ? [] : [1]) + (0..<children).map { Int32($0 + 2) } }

    mutating func perform(_ actions: [ProcessLifecycle.Action]) {
        for action in actions {
            if !finishes.isEmpty { violations.append("\(action) after the end") }
            switch action {
            case .signalMain: if !isProtected { violations.append("main alone was signalled") }
            case .signalAll:
                if isProtected { violations.append("a commit was sent a signal to all") }
                if obeys {
                    mainEnds = min(mainEnds, now + .milliseconds(500))
                    childrenEnd = min(childrenEnd ?? now + .milliseconds(700), now + .milliseconds(700))
                }
            case .killAll:
                if isProtected { violations.append("a commit was killed") }
                // One in an uninterruptible wait stays as long as it likes.
                lastSign = now
                if dies {
                    mainEnds = min(mainEnds, now)
                    childrenEnd = min(childrenEnd ?? now, now)
                }
            case .announce, .reportOverdue: break
            case .wake(let at): deadlines.append(at)
            case .inspectLeftovers: perform(lifecycle.leftoversSeen(processes, at: now))
            case .watchLeftovers:
                isWatched = true
                perform(lifecycle.leftoversSeen(processes, at: now))
            case .closeOutput:
                closes += 1
                outputIsOpen = false
            case .finish(let end): finishes.append(end)
            }
        }
    }

    /// Goes to the next thing that happens by itself.
    /// - Returns: whether there was one.
    mutating func advance() -> Bool {
        let next = [
            mainHasExited ? nil : mainEnds, children > 0 ? childrenEnd : nil, outputIsOpen ? outputEnds : nil,
            deadlines.min(),
        ].compactMap { $0 }.min()
        guard let next else { return false }
        now = max(now, next)
        if !mainHasExited, mainEnds <= now {
            mainHasExited = true
            lastSign = now
            perform(lifecycle.mainExited(ProcessExit(status: 0, isSignal: false), at: now))
        } else if children > 0, let end = childrenEnd, end <= now {
            children = 0
            if isWatched { perform(lifecycle.leftoversSeen(processes, at: now)) }
        } else if outputIsOpen, let end = outputEnds, end <= now {
            outputIsOpen = false
            perform(lifecycle.outputsEnded(at: now))
        } else {
            deadlines.removeAll { $0 <= now }
            perform(lifecycle.timePassed(at: now))
        }
        return true
    }
}

@Suite("Random histories of a process") struct ProcessLifecycleProperties {
    @Test("Every one ends once, soon after its exit, and no commit is ever killed")
    func randomHistories() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<5000 {
            var group = ImaginedGroup(&generator)
            let rules = group
            group.perform(group.lifecycle.started(at: .zero))
            var stops = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                Duration.milliseconds(Int64.random(in: 0...100_000, using: &generator))
            }.sorted()
            var rounds = 0
            while group.finishes.isEmpty, rounds < 200 {
                rounds += 1
                if let stop = stops.first, stop <= group.now || Int.random(in: 0..<4, using: &generator) == 0 {
                    stops.removeFirst()
                    let cause: StopCause =
                        Bool.random(using: &generator) ? .cancelled(signal: 15) : .logFailed
                    group.perform(
                        group.lifecycle.stopRequested(
                            cause, isUrgent: Bool.random(using: &generator), at: group.now))
                } else if group.outputIsOpen, Int.random(in: 0..<5, using: &generator) == 0 {
                    group.lifecycle.outputArrived(at: group.now)
                    group.lastSign = group.now
                } else if !group.advance() {
                    break
                }
            }
            let hint: Comment = "seed \(seed), history \(number): \(rules)"
            #expect(group.violations == [], hint)
            #expect(group.finishes.count == 1, hint)
            #expect(group.closes <= 1, hint)
            // The longest grace, the kill's limit, and the output's grace twice: before a stop and after the last kill.
            #expect(group.now - group.lastSign <= .seconds(20 + 10 + 2 + 2), hint)
            // Nothing that comes too late has an effect.
            group.perform(group.lifecycle.timePassed(at: group.now + .seconds(1000)))
            group.perform(group.lifecycle.stopRequested(.logFailed, isUrgent: true, at: group.now))
            #expect(group.violations == [], hint)
            if !group.violations.isEmpty || group.finishes.count != 1 { return }
        }
    }
}
