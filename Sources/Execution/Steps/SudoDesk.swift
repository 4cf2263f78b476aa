// Where steps that run as a person leave what they gave to sudo: a socket for each step, as long as the step is there.

import Cgroups
import Glibc
import Launching
import LinuxSystem
import Reactor
import Spawning
import SystemPackage
import UpdateModel

/// All of a run's `SudoService`s. Lives on the event loop's thread.
final class SudoDesk {
    let loop: EventLoop
    /// Sockets are made in it; it can be passed by the accounts of steps.
    private let directory: String
    private let runner: (_ caller: Account) -> any SudoRunner
    private var services: [ObjectIdentifier: SudoService] = [:]
    private var made = 0

    /// Steps are frozen: nothing may be started in their groups.
    var isHeld = false {
        didSet { for service in services.values { service.goOn() } }
    }

    init(in directory: String, loop: EventLoop, runner: @escaping (_ caller: Account) -> any SudoRunner) {
        self.directory = directory
        self.loop = loop
        self.runner = runner
    }

    /// Begins to listen for the processes of a step.
    /// - Parameter changesOwner: the step's account is another one than ours.
    func open(
        for account: Account, changesOwner: Bool, right: SudoRight, group: StepGroup, leaf: Leaf
    ) throws(Errno) -> SudoService {
        made += 1
        let place = try openFile(directory, O_RDONLY | O_DIRECTORY)
        let name = "sudo.\(made)"
        let listener = try listenLocally(name, in: place.raw, backlog: SudoService.backlog, keepsPackets: true)
        let path = "\(directory)/\(name)"
        do throws(Errno) {
            if changesOwner { try changeOwner(path, user: account.user, group: account.group) }
            let service = try SudoService(
                listener, path: path, runner: runner(account),
                step: SudoService.Step(account: account.user, right: right, group: group, leaf: leaf), desk: self)
            services[ObjectIdentifier(service)] = service
            return service
        } catch {
            unlink(path)
            throw error
        }
    }

    /// The step has ended, and with it all that it had run.
    func isDone(_ service: SudoService) { services[ObjectIdentifier(service)] = nil }
}
