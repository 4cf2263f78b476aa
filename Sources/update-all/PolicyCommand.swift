// `update-all policy`: policy files, before they are in force.

import ArgumentParser
import Execution
import Presentation
import UpdateModel

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Check policy files.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say all that is wrong with policy files, a line each.")

        @Argument(help: "The files.")
        var files: [String]

        func run() throws {
            let complaints = try checkPolicies(files, StateOptions.parse([]).places())
            for complaint in complaints { writeToStandardError(complaint + "\n") }
            if !complaints.isEmpty { throw FinalExit(code: .usage) }
            for file in files { writeToStandardOutput(Array("\(Sanitizer.clean(file)): valid\n".utf8)) }
        }
    }
}
