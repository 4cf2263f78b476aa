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
