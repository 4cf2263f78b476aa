// `update-all pause`, `resume` and `cancel`: what somebody wants of the run in progress.

import ArgumentParser
import Execution
import Interchange
import Presentation
import UpdateModel

struct Pause: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pause the run in progress: it starts nothing, and what may be frozen is.",
        discussion: """
            Commits go on to their end. The time does not count for a step's timeout. update-all resume lets the run \
            go on, cancel ends it.
            """)

    @OptionGroup var state: StateOptions

    func run() throws { try steer(.pause, state) }
}

struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let a paused run go on.")

    @OptionGroup var state: StateOptions

    func run() throws { try steer(.resume, state) }
}

struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End the run in progress, as Ctrl-C at its terminal does.",
        discussion: """
            Steps are told to end and have their time to do so; commits are waited for, hooks behind the run still \
            run. A second cancel kills at once what may be killed. The run ends with exit code 143.
            """)

    @OptionGroup var state: StateOptions

    func run() throws { try steer(.cancel, state) }
}

struct PolicySet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Give values of the policy to the run in progress.",
        discussion: """
            Limits of the run and of running steps change at once, and so does [protect]; what else is said of steps \
            holds for those that start from now on. No file is changed. All values are taken, or none.
            """)

    @OptionGroup var state: StateOptions

    @Argument(help: ArgumentHelp("A value as --set takes it, such as run.memory_high=2G.", valueName: "key=value"))
    var settings: [String]

    func run() throws { try steer(.set(settings), state) }
}

/// Asks the run to do something, and prints what it did.
func steer(_ request: ControlRequest, _ state: StateOptions) throws {
    let places = state.places()
    guard let reply = try ControlClient(places).ask(request) else {
        throw RunError(
            .failure,
            "no run is in progress in \(places.state) (update-all status shows the newest; --state-dir chooses another)"
        )
    }
    for note in reply.notes { writeToStandardOutput(Array("\(Sanitizer.clean(note))\n".utf8)) }
}
