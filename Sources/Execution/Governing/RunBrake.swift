// What keeps a run back, and on whose account: others suffer, or somebody has paused it. What one has stopped, the other does
// not let go. Lives on the event loop's thread.

/// Why a run starts nothing, or stands still.
enum BrakeReason: Hashable, Sendable {
    /// Others suffer.
    case pressure
    /// Somebody wants it.
    case pause
}

/// Holds a run back and freezes what may be frozen, as long as there is a reason to.
///
/// Whoever freezes holds first: nothing may be launched into groups that are frozen.
final class RunBrake {
    struct Effects {
        /// Nothing is to be started, for `reason`; called again where that changes.
        var hold: (_ reason: BrakeReason) -> Void
        var goOn: () -> Void
        /// Stops what may be frozen where it stands, or lets it go on.
        /// - Returns: why that cannot be done, as a sentence without a full stop; `nil` where it is done.
        var setFrozen: (Bool) -> String?
    }

    private let effects: Effects
    private var holding: Set<BrakeReason> = []
    private var freezing: Set<BrakeReason> = []
    /// What may be frozen is.
    private(set) var isFrozen = false

    init(_ effects: Effects) { self.effects = effects }

    func hold(_ reason: BrakeReason) {
        let before = told
        holding.insert(reason)
        if let now = told, now != before { effects.hold(now) }
    }

    func goOn(_ reason: BrakeReason) {
        precondition(!freezing.contains(reason), "thaw comes before going on")
        let before = told
        guard holding.remove(reason) != nil else { return }
        if let now = told {
            if now != before { effects.hold(now) }
        } else {
            effects.goOn()
        }
    }

    /// - Returns: why it cannot be done.
    @discardableResult
    func freeze(_ reason: BrakeReason) -> String? {
        precondition(holding.contains(reason), "whoever freezes holds first")
        freezing.insert(reason)
        return update()
    }

    /// - Returns: why it cannot be done.
    @discardableResult
    func thaw(_ reason: BrakeReason) -> String? {
        freezing.remove(reason)
        return update()
    }

    private func update() -> String? {
        let wanted = !freezing.isEmpty
        guard wanted != isFrozen else { return nil }
        if let obstacle = effects.setFrozen(wanted) { return obstacle }
        isFrozen = wanted
        return nil
    }

    /// What is told to be the reason where there are two: the one that somebody can take back.
    private var told: BrakeReason? { holding.contains(.pause) ? .pause : holding.first }
}
