// Where events go: a display, a file, another program. Each sink lives on a thread of its own.

import UpdateModel

/// Takes the events of a run. A sink is created, used and closed on one thread; it may block there,
/// since its queue is bounded and no step waits for it.
public protocol EventSink: AnyObject {
    /// Takes the events that came since the last call, in order of `seq`; may be called with none, to redraw.
    /// - Parameter now: time since the run began.
    /// - Throws: where the events can no longer be delivered (the pipe's reader is gone, the disk is full);
    ///   the sink is then not called again.
    func take(_ events: [Event], at now: Duration) throws

    /// Whether it wants to be told of what running steps use, once a second; asked once, before the first event.
    var showsUsage: Bool { get }

    /// Takes the newest figures of the steps that have new ones.
    func take(_ usage: [StepID: Usage]) throws

    /// How long it may be left alone without events; `nil`: for ever. A display with a clock wants to redraw.
    var refreshInterval: Duration? { get }

    /// The program is about to be stopped by Ctrl-Z: leaves the terminal as a shell expects it.
    func suspend()

    /// The program goes on after `suspend()`.
    func resume(at now: Duration) throws

    /// The run is over, or the sink is no longer wanted: puts everything in order (the terminal, a file's end).
    func close(at now: Duration)
}

extension EventSink {
    public var showsUsage: Bool { false }
    public func take(_ usage: [StepID: Usage]) {}
    public func suspend() {}
    public func resume(at now: Duration) {}
}
