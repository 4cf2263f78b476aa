// `update-all run`: load the policy, find the plugins, ask them, plan, show the plan, ask the person, run it, report.

import ArgumentParser
import Execution
import RunModel

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Plan, show the plan, ask, and run it.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var course: CourseOptions

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    @Flag(help: "Let the plugins that can only say what they would do.")
    var dryRun = false

    @Option(
        name: .customLong("plan"),
        help: ArgumentHelp("Run exactly what plan -o saved here; refuse when it no longer fits.", valueName: "file"))
    var savedPlan: String?

    func validate() throws {
        if savedPlan != nil, dryRun || !(selected.plugins + selected.only + selected.skip).isEmpty {
            throw ValidationError("--plan says which plugins run, and how: leave out their names and --dry-run")
        }
    }

    func run() async throws {
        let preparation = try Preparation(
            common, selected, pace: pace, isDryRun: dryRun, display: course.display,
            saved: try savedPlan.map { try readSavedPlan($0) }, options: course.options,
            usesSudo: !course.noSudo)
        try await Course(preparation, course, asks: !yes && !dryRun).run()
    }
}
