// The words for what the model's values say, the same in every display.

import RunModel
import UpdateModel

extension Outcome {
    /// As it stands behind a number or a name: `3 succeeded`, `pipx failed`.
    var phrase: String {
        switch self {
        case .succeeded: "succeeded"
        case .upToDate: "up to date"
        case .notApplicable: "not applicable"
        case .failed: "failed"
        case .timedOut: "timed out"
        case .oomKilled: "killed at its memory limit"
        case .killed: "killed"
        case .cancelled: "cancelled"
        case .dependencyFailed: "not run"
        case .needsAuth: "needs authentication"
        case .deferred: "deferred"
        case .skipped: "skipped"
        }
    }

    /// A program ran and something went wrong with it; its last lines may say what.
    var isFailureOfProgram: Bool {
        switch self {
        case .failed, .timedOut, .oomKilled, .killed: true
        default: false
        }
    }

    var mark: String {
        switch self {
        case .succeeded, .upToDate: "✓"
        case .failed, .timedOut, .oomKilled, .killed: "✗"
        case .notApplicable, .cancelled, .dependencyFailed, .needsAuth, .deferred, .skipped: "⊘"
        }
    }

    var style: Style {
        switch self {
        case .succeeded, .upToDate: .good
        case .failed, .timedOut, .oomKilled, .killed: .bad
        case .cancelled, .dependencyFailed, .needsAuth, .deferred: .warning
        case .notApplicable, .skipped: .dim
        }
    }
}

extension PhaseEnd {
    /// How it ended, with the reason: `failed: exit 1 after 38 s: No matching distribution`.
    /// - Parameters:
    ///   - wall: how long it ran, where that is to be said.
    ///   - lastLine: of its output, quoted where nothing else says why.
    func sentence(wall: Duration?, lastLine: String?) -> String {
        // The errors of these are sentences that say what happened, of which time or how much memory.
        if outcome == .timedOut || outcome == .oomKilled, let error { return error }
        var text = outcome.phrase
        if outcome == .failed, let signal {
            text += ": signal \(signal)"
        } else if outcome == .failed, let exitCode, exitCode != 0 {
            text += ": exit \(exitCode)"
        }
        if outcome.isFailureOfProgram, let wall { text += " after \(wall.sentence)" }
        if let error {
            text += ": \(error)"
        } else if outcome.isFailureOfProgram, let lastLine {
            text += ": \"\(lastLine)\""
        }
        return text
    }
}

extension WaitReason {
    /// As it stands behind `waits for`.
    var phrase: String {
        switch self {
        case .mutex(let name): "mutex \(name)"
        case .memory: "memory"
        case .cpu: "CPU"
        case .downloads: "a download slot"
        case .parallel: "a free slot"
        case .pressure: "others to be well"
        case .pause: "the run to be resumed"
        case .window: "the policy's window"
        case .otherRun(let mutex, let holder): "mutex \(mutex), held by \(holder)"
        case .lockedFile(let path, let holder): "\(path), locked by \(holder)"
        }
    }
}

extension WaitReason {
    /// What others hold and for how long it was waited for, in ever fewer words: at last the lock, its holder and the time.
    func phrases(waited: Duration, left: Duration) -> [String] {
        let short: (lock: String, name: String, holder: String)
        switch self {
        case .lockedFile(let path, let holder):
            short = (path, path.split(separator: "/").last.map(String.init) ?? path, holder)
        case .otherRun(let mutex, let holder): short = (mutex, mutex, holder)
        default: return ["waits for \(phrase)"]
        }
        return [
            "waits for \(phrase), \(waited.wholeSeconds.sentence); gives up in \(left.wholeSeconds.sentence)",
            "waits \(waited.clock) of \((waited + left).clock) for \(short.lock), \(short.holder)",
            "waits \(waited.clock) for \(short.name), \(short.holder)",
        ]
    }
}

extension Throttle {
    /// What the run does about it.
    var phrase: String {
        switch state {
        case .normal: "goes on as before"
        case .slowed: share < Fraction(1) ? "slowed to \(share.percentText)" : "starts nothing more"
        case .frozen: "frozen"
        }
    }
}

extension Intervention {
    /// What becomes of the run: `paused by root`.
    var phrase: String {
        let word =
            switch action {
            case .pause: "paused"
            case .resume: "resumed"
            case .cancel: "cancelled"
            case .set: changes.map(\.phrase).joined(separator: ", ") + ", set"
            }
        return word + (user.map { " by \($0)" } ?? ", since it is to end")
    }
}

extension Stopping {
    /// What is being done to the step, `elapsed` after it was told to end.
    func sentence(isProtected: Bool, elapsed: Duration) -> String {
        let isOverdue = if case .timedOut = cause { true } else { false }
        guard let killAfter else {
            return "\(isOverdue ? "overdue" : "stopping"): waits for the \(isProtected ? "commit" : "step") to end"
                + (elapsed > .zero ? ", \(elapsed.wholeSeconds.sentence)" : "")
        }
        let word =
            switch cause {
            case .cancelled: "stopping"
            case .timedOut: "timed out"
            case .logFailed: "log failed"
            }
        let left = killAfter - elapsed
        return left > .zero
            ? "\(word): killed in \(Duration.seconds(Int64(left.inSeconds.rounded(.up))).sentence)"
            : "\(word): killed"
    }
}

extension UpdateResult {
    /// `42 packages updated, 2 held back (grub-pc, linux-image-amd64). Restart: nginx`; the packages by name where they
    /// are few.
    func sentence(count: Int64) -> String {
        var text = count == 1 ? "1 package updated" : "\(count) packages updated"
        if (1...3).contains(packages.count) {
            text += ": " + packages.map(\.phrase).joined(separator: ", ")
        }
        if !held.isEmpty { text += ", \(held.count) held back (\(held.listed(atMost: 5)))" }
        if !restart.isEmpty { text += ". Restart: \(restart.listed(atMost: 8))" }
        return text
    }
}

extension UpdatedPackage {
    fileprivate var phrase: String {
        switch (from, to) {
        case (let from?, let to?): "\(name) \(from) → \(to)"
        case (nil, let to?): "\(name) \(to)"
        default: name
        }
    }
}

extension [String] {
    /// `a, b, c and 4 more`.
    func listed(atMost limit: Int) -> String {
        count <= limit
            ? joined(separator: ", ") : prefix(limit).joined(separator: ", ") + " and \(count - limit) more"
    }
}

extension [LimitDeviation] {
    /// Sentences on what is not in force as asked, each reason once: `Not enforced here: cpu.max, io.max (reason).`
    var sentences: [String] {
        var sentences: [String] = []
        let absent = grouped(filter { $0.effective == nil }, name: \.control)
        if !absent.isEmpty { sentences.append("Not enforced here: \(absent).") }
        let changed = grouped(lastOfEach.filter { $0.effective != nil }) {
            "\($0.control) \($0.effective ?? "") instead of \($0.requested)"
        }
        if !changed.isEmpty { sentences.append("Applied otherwise: \(changed).") }
        return sentences
    }

    /// What was changed again for the same reason counts as it was left.
    private var lastOfEach: [LimitDeviation] {
        indices.filter { index in
            !self[(index + 1)...].contains { later in
                later.control == self[index].control && later.requested == self[index].requested
                    && later.reason == self[index].reason
            }
        }.map { self[$0] }
    }

    /// `cpu.max, memory.max (one reason), io.max (another)`, in order of first mention.
    private func grouped(_ deviations: [LimitDeviation], name: (LimitDeviation) -> String) -> String {
        var reasons: [String] = []
        var names: [String: [String]] = [:]
        for deviation in deviations {
            if names[deviation.reason] == nil { reasons.append(deviation.reason) }
            let text = name(deviation)
            if names[deviation.reason]?.contains(text) != true { names[deviation.reason, default: []].append(text) }
        }
        return reasons.map { "\(names[$0]!.listed(atMost: 12)) (\($0))" }.joined(separator: ", ")
    }
}

/// `1 step`, `2 steps`.
func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }

extension Int {
    /// With commas between thousands: `1,234`.
    var grouped: String {
        let digits = String(magnitude)
        var text = self < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}

extension Duration {
    /// Without the part of a second.
    var wholeSeconds: Duration { .seconds(Int64(inSeconds)) }
}
