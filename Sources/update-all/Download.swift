// `update-all download`: what run would fetch, and nothing else, so that a later run finds it.

import ArgumentParser
import Execution
import UpdateModel

struct Download: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch what a run would, and install nothing.",
        discussion: """
            Runs the download phases of the plugins that have one, with the limits of a run and without asking. What is \
            fetched stays where each tool keeps it, so that a run afterwards does not fetch it again.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var course: CourseOptions

    func run() async throws {
        let preparation = try Preparation(
            common, selected, pace: pace, display: course.display, phases: [.download], options: course.options,
            usesSudo: !course.noSudo)
        try await Course(preparation, course, asks: false).run()
    }
}
