// `update-all plan`: the order, what each step may use and why, without running any of it.

import ArgumentParser
import Execution
import Glibc
import Interchange
import JSONDocument
import LinuxSystem
import Presentation
import RunModel
import Scheduling
import Terminal

enum PlanFormat: String, ExpressibleByArgument, CaseIterable { case table, json, dot, mermaid }

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what would run, in which order, with which limits.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions
    @OptionGroup var pace: PaceOptions

    @Option(help: "How the plan is printed: table, json, dot (for Graphviz) or mermaid.")
    var format = PlanFormat.table

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Save the plan here as well, for run --plan.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp("Plan an abstract problem instead, and print JSON; touches no plugin.", valueName: "file"))
    var problem: String?

    func validate() throws {
        if problem != nil, output != nil { throw ValidationError("--problem prints a plan that cannot be run: no -o") }
    }

    func run() async throws {
        if let problem { return try plan(problemIn: problem) }
        let preparation = try Preparation(common, selected, pace: pace)
        let plan = try await preparation.open { try await preparation.plan().plan }
        show(plan, preparation, authentication: await preparation.session.authentication(for: plan))
        await preparation.session.end()
        if let output {
            try savePlan(plan, output)
            complain("saved; run it with: update-all run --plan \(Sanitizer.clean(output))")
        }
        if preparation.hasInvalidFiles { throw FinalExit(code: .usage) }
    }

    private func show(_ plan: Plan, _ preparation: Preparation, authentication: String?) {
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            var lines = PlanTable.lines(plan, columns: device.isTerminal ? device.size.columns : 100)
            if let authentication { lines.append(StyledLine(Sanitizer.clean(authentication))) }
            let colour = TerminalCapabilities(of: device, preparation.configuration).hasColour
            try? device.print(lines: lines, colour: colour)
        case .json:
            var bytes: [UInt8] = []
            appendLine(of: plan, to: &bytes)
            writeToStandardOutput(bytes)
        case .dot: writeToStandardOutput(Array(PlanGraph.dot(plan).utf8))
        case .mermaid: writeToStandardOutput(Array(PlanGraph.mermaid(plan).utf8))
        }
    }

    private func plan(problemIn path: String) throws {
        let bytes: [UInt8]
        do {
            bytes = try readFile(path, limit: 1 << 30)
        } catch {
            throw RunError(.usage, "\(path): cannot be read: \(error)")
        }
        let problem: Problem
        do {
            problem = try readProblem(bytes)
        } catch {
            let hasPlace = error is JSONError
            throw RunError(.usage, "\(path):\(hasPlace ? "" : " ")\(error)", namesPlaces: hasPlace)
        }
        var output: [UInt8] = []
        appendLine(of: Schedule(of: problem), of: problem, to: &output)
        writeToStandardOutput(output)
    }
}
