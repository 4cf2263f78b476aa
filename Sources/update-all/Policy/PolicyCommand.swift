// `update-all policy`: the policies that there are, what they say, what they do here, and whether a file is valid.

import ArgumentParser
import Execution
import Presentation
import UpdateModel

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Show, explain and check policies; set a value of a run in progress.",
        subcommands: [PolicyList.self, PolicyShow.self, PolicyExplain.self, PolicyCheck.self, PolicySet.self])
}

struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say all that is wrong with policy files, a line each.")

    @Argument(help: "The files.")
    var files: [String]

    func run() throws {
        let complaints = try checkPolicies(files, StateOptions.parse([]).places())
        for complaint in complaints { writeToStandardError(complaint + "\n") }
        if !complaints.isEmpty { throw FinalExit(code: .usage) }
        for file in files { writeToStandardOutput(Array("\(Sanitizer.clean(file)): valid\n".utf8)) }
    }
}
