// How a run goes, whatever it is a run of: lock, ask the plugins, plan, show the plan, ask the person, run it, report.

import ArgumentParser
import Execution
import Glibc
import LinuxSystem
import Presentation
import RunModel
import Terminal

/// What can be said of any run.
struct CourseOptions: ParsableArguments {
    @Flag(name: .customLong("no-sudo"), help: "Leave out what needs root; that is then no failure.")
    var noSudo = false

    @Flag(help: "Start nothing more once a step has failed.")
    var failFast = false

    @Option(help: ArgumentHelp("Try a step that failed again, this many times.", valueName: "n"))
    var retry = 0

    @Option(help: "How the run is shown: auto, compact, plain, json or quiet.")
    var ui: DisplayChoice?

    @Flag(name: .shortAndLong, help: "The same as --ui quiet.")
    var quiet = false

    @Option(help: ArgumentHelp("Write every event as a JSON line here too; - is standard output.", valueName: "file|-"))
    var events: String?

    func validate() throws {
        if retry < 0 { throw ValidationError("--retry must not be negative") }
        if ui == .json, events == "-" { throw ValidationError("--ui json writes to standard output already") }
    }

    var display: DisplayChoice? { quiet ? .quiet : ui }

    var options: RunOptions {
        var options = RunOptions()
        options.isFailFast = failFast
        options.retries = retry
        return options
    }
}

/// One run, from its lock to its exit code.
struct Course {
    private let preparation: Preparation
    private let options: CourseOptions
    /// Whether the person is asked before anything runs.
    private let asks: Bool

    init(_ preparation: Preparation, _ options: CourseOptions, asks: Bool) {
        self.preparation = preparation
        self.options = options
        self.asks = asks
    }

    /// - Throws: the exit code, always.
    func run() async throws {
        try preparation.session.refuseOutsideWindow()
        let display = RunDisplay(events: options.events, configuration: preparation.configuration)
        if display.isWatched { await preparation.session.outputIsWatched() }
        let (result, hasInvalidFiles) = try await runLocked(display)
        // Another run may begin now; a slow reader is only told what is over.
        await preparation.session.end()
        var codes = [exitCode(of: result)]
        if hasInvalidFiles { codes.append(.usage) }
        throw FinalExit(code: .combined(codes))
    }

    private func runLocked(_ display: RunDisplay) async throws -> (RunResult, hasInvalidFiles: Bool) {
        try await preparation.holdingRunLock {
            try await preparation.open {
                var preparation = preparation
                if let trouble = await preparation.session.openControl() { complain(trouble) }
                try await preparation.updatePlugins()
                return (try await run(preparation, display), preparation.hasInvalidFiles)
            }
        }
    }

    private func run(_ preparation: Preparation, _ display: RunDisplay) async throws -> RunResult {
        let session = preparation.session
        let predecessors = tellPredecessors(preparation.places, current: session.run)
        for sentence in predecessors { complain(sentence) }
        var prepared = try await preparation.plan()
        try display.show(prepared.plan)
        let hasSteps = !prepared.plan.steps.isEmpty
        try session.refuseToPutOffAll(of: prepared.plan)
        if hasSteps { try await confirm(session, display) }
        if try await session.elevate(for: prepared.plan, tell: { complain(Sanitizer.clean($0)) }) {
            prepared = try await session.replan()
        }

        let directory = try await session.openJournal()
        if preparation.isVerbose { complain("this run is \(session.run); its logs are in \(directory.path)") }
        try await display.attach(to: session, showsSteps: hasSteps)
        await session.announce((preparation.wanted.map(\.name) + preparation.selection.refused).sorted())
        await session.report(predecessors)
        let result = try await session.execute(prepared)
        for trouble in await session.removeOldLogs() { complain(trouble) }
        return result
    }

    private func confirm(_ session: RunSession, _ display: RunDisplay) async throws {
        guard asks else { return }
        guard isatty(0) == 1, display.canAsk else {
            throw RunError(.usage, "nothing was run: there is nobody to ask. Run it with: update-all run --yes")
        }
        display.ask("Run it? [Y/n] ")
        guard await session.waitForInput(on: [0]) else {
            display.note("")
            throw FinalExit(code: .signal(await session.interruption ?? SIGINT))
        }
        let answer = (readLine() ?? "n").lowercased()
        guard ["", "y", "yes"].contains(answer) else {
            display.note("Nothing was run.")
            throw FinalExit(code: .success)
        }
    }

    private func exitCode(of report: RunResult) -> RunModel.ExitCode {
        var codes = report.outcomes.map { plugin, outcome -> RunModel.ExitCode in
            switch outcome {
            case .succeeded, .upToDate, .notApplicable, .skipped: .success
            case .failed, .timedOut, .oomKilled, .killed, .dependencyFailed: .failure
            case .needsAuth: options.noSudo ? .success : .authentication
            case .deferred: report.putOff.contains(plugin) ? .deferredByPolicy : .deferredByLock
            case .cancelled: .signal(report.signal ?? SIGINT)
            }
        }
        if report.lacksRequiredLimit { codes.append(.unenforceable) }
        // Everything may have ended before the signal's effect, yet somebody wanted it to stop.
        if let signal = report.signal { codes.append(.signal(signal)) }
        return .combined(codes)
    }
}
