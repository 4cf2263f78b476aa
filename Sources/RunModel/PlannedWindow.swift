// What a plan says of the times at which the policy lets updates run.

import UpdateModel

/// The policy's window as it is for one plan.
public struct PlannedWindow: Hashable, Sendable {
    /// Where the window opens or closes.
    public struct Edge: Hashable, Sendable {
        public var timestamp: Timestamp
        /// As clocks here show it: `Mon 22:00`.
        public var local: String

        public init(timestamp: Timestamp, local: String) {
            self.timestamp = timestamp
            self.local = local
        }
    }

    /// As the policy writes it: `Mon..Fri 22:00-05:00`.
    public var allow: [String]
    /// Nothing is started that is not expected to end inside.
    public var finishBy: Bool
    /// `nil`: it is open.
    public var opens: Edge?
    /// The end of the window that is open, or opens next; `nil`: it never closes.
    public var closes: Edge?
    /// Steps that will not be started inside, by what the plan expects.
    public var putOff: [StepID] = []
    /// Steps that are expected to go on when it has closed.
    public var overrunning: [StepID] = []

    public init(allow: [String], finishBy: Bool, opens: Edge?, closes: Edge?) {
        self.allow = allow
        self.finishBy = finishBy
        self.opens = opens
        self.closes = closes
    }
}
