// How a run in progress is asked and steered: the levers behind its control socket, and the cancelling that signals share.

import Cgroups
import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

extension RunSession {
    /// Lets its account and root ask this run and steer it, over a socket in the state directory, whose lock the caller
    /// holds. Where there can be no socket, the run goes on without.
    /// - Returns: why there is none, as a sentence without a full stop.
    public func openControl() -> String? {
        let control = RunControl(
            RunControl.Identity(
                run: run, version: configuration.version, user: userName, start: configuration.start,
                policy: configuration.policy.name),
            loop: loop,
            levers: RunControl.Levers(
                isEnding: { [unowned self] in assumeIsolated { $0.received != nil } },
                isFrozen: { [unowned self] in assumeIsolated { $0.brake?.isFrozen ?? false } },
                pause: { [unowned self] in assumeIsolated { $0.pause() } },
                resume: { [unowned self] in assumeIsolated { $0.resume() } },
                cancel: { [unowned self] in assumeIsolated { $0.cancel() } },
                set: { [unowned self] settings, user in assumeIsolated { $0.setPolicy(settings, by: user) } },
                publish: { [bus] in bus.publish(.control($0)) }))
        let place = "\(configuration.places.state)/\(ControlPlace.directory)/\(ControlPlace.socket)"
        do throws(Errno) {
            try control.open(in: configuration.places.state)
        } catch {
            return
                "\(place) cannot be made: \(error). update-all status, pause, resume and cancel will not find this run; "
                + "choose another place with --state-dir"
        }
        self.control = control
        bus.observer = { [unowned control] in control.take($0, of: $1) }
        return nil
    }

    /// Ends the run as `signal` does: what may be ended is, at the second call at once, and commits are waited for.
    public func cancel(signal: Int32 = SIGTERM) {
        received = received ?? signal
        readersHaveEnded()
        inputArrived(false)
        prober?.cancel()
        selfUpdater?.cancel()
        supervisor?.interrupt(signal: signal)
        // What is frozen could not obey.
        governance?.stop()
        control?.endPause()
    }

    /// Before there are steps it is remembered, and done when they are to begin.
    func pause() -> String? {
        guard let brake else { return nil }
        brake.hold(.pause)
        return brake.freeze(.pause)
    }

    private func resume() -> String? {
        guard let brake else { return nil }
        let obstacle = brake.thaw(.pause)
        brake.goOn(.pause)
        return obstacle
    }

    func makeBrake(_ supervisor: RunSupervisor) -> RunBrake {
        RunBrake(
            RunBrake.Effects(
                hold: { [unowned supervisor] in supervisor.hold($0) },
                goOn: { [unowned supervisor] in supervisor.goOn() },
                setFrozen: { [tree, sudo, unowned supervisor] isFrozen in
                    do throws(CgroupError) {
                        try tree?.freezeSteps(isFrozen)
                    } catch {
                        return "\(error)"
                    }
                    let isDone = supervisor.setFrozen(isFrozen)
                    // Nothing may be started in a group that is frozen.
                    sudo?.isHeld = isFrozen && isDone
                    if isDone { return nil }
                    return isFrozen ? "some processes could not be stopped" : "some processes could not be let go on"
                }))
    }
}
