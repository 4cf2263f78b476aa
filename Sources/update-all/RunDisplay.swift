// Who sees a run: the display that was chosen, and the readers of events.

import ArgumentParser
import Configuration
import Execution
import Glibc
import LinuxSystem
import Presentation
import RunModel
import Terminal
import UpdateModel

/// What goes to standard output and standard error during `run`.
struct RunDisplay {
    private let choice: DisplayChoice
    private let events: String?
    private let device: TerminalDevice
    private let capabilities: TerminalCapabilities

    init(events: String?, configuration: Configuration) {
        // Events on standard output leave standard error to the display.
        device = TerminalDevice(descriptor: events == "-" ? 2 : 1)
        capabilities = TerminalCapabilities(of: device, configuration)
        self.events = events
        let wanted = configuration.display?.value ?? .auto
        choice =
            switch wanted {
            case .auto: capabilities.movesCursor ? .compact : .plain
            case .compact: device.isTerminal ? .compact : .plain
            default: wanted
            }
    }

    /// Whether what is written is read by a person.
    var isForPeople: Bool { choice == .compact || choice == .plain }

    /// It is read at a terminal, while it is written.
    var isWatched: Bool { isForPeople && device.isTerminal }

    /// A question can be seen and answered.
    var canAsk: Bool { choice != .json && device.isTerminal }

    func show(_ plan: Plan) throws {
        guard isForPeople else { return }
        try print(PlanTable.lines(plan, columns: device.isTerminal ? device.size.columns : 100))
    }

    func note(_ text: String) { try? print([StyledLine(text)]) }

    func ask(_ question: String) { try? device.write(Array("\n\(question)".utf8)) }

    private func print(_ lines: [StyledLine]) throws {
        do throws(OutputError) {
            try device.print(lines: lines, colour: capabilities.hasColour)
        } catch  where error.isReaderGone {
            return
        } catch {
            throw RunError(.failure, "standard output cannot be written: \(error)")
        }
    }

    /// Adds the readers to a run.
    /// - Parameter showsSteps: not where there are none: the plan has said so.
    func attach(to session: RunSession, showsSteps: Bool) async throws {
        if let events { try await session.attach(try jsonSink(session.run, path: events), name: "events") }
        let (descriptor, colour) = (device.descriptor, capabilities.hasColour)
        // Each display has a device of its own, since it lives on a thread of its own.
        switch choice {
        case .plain where !showsSteps, .compact where !showsSteps, .auto where !showsSteps:
            return
        case .json:
            try await session.attach(try jsonSink(session.run, path: "-"), name: "json")
        case .plain:
            try await session.attach(
                PlainDisplay(device: TerminalDevice(descriptor: descriptor), colour: colour), name: "display")
        case .quiet:
            try await session.attach(
                QuietDisplay(device: TerminalDevice(descriptor: descriptor), colour: colour), name: "display")
        case .compact, .auto:
            if let attributes = device.settings {
                await session.displayIsActive(
                    RunSession.TerminalHandOver(
                        descriptor: descriptor, attributes: attributes, escapes: TerminalDevice.restoration))
            }
            try await session.attach(
                CompactDisplay(device: TerminalDevice(descriptor: descriptor), colour: colour), name: "display")
        }
    }

    private func jsonSink(_ run: RunID, path: String) throws -> sending JSONLinesSink {
        do {
            let output =
                path == "-"
                ? try duplicate(1)
                : try openFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            return JSONLinesSink(run: run, output: output, includesOutput: true)
        } catch {
            throw RunError(.usage, "--events: \(path) cannot be written: \(error)")
        }
    }
}
