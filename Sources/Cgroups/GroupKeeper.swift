// Groups that somebody else has made for us and changes for us: root's, for a person who may not lift its limits.

import UpdateModel

/// Changes the groups of a run where this process may not. What is in force in them can be read by everybody.
public protocol GroupKeeper: AnyObject, Sendable {
    /// Makes the group of a try of a step, with limits; what else is in force there is told, too.
    func make(_ group: StepGroup, limits: [ControlWrite]) throws(CgroupError) -> AppliedLimits
    /// Puts limits on a group, each read back.
    func apply(_ limits: [ControlWrite], to place: GroupPlace) -> AppliedLimits
    func kill(_ place: GroupPlace) throws(CgroupError)
    func freeze(_ place: GroupPlace, _ isFrozen: Bool) throws(CgroupError)
    /// Sends a signal to all processes of a group, once.
    func signal(_ number: Int32, to place: GroupPlace)
    func remove(_ place: GroupPlace) throws(CgroupError)
}

/// A group, as its keeper knows it.
struct KeptGroup: Sendable {
    let keeper: any GroupKeeper
    let place: GroupPlace
}
