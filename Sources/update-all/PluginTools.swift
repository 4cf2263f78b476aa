// `update-all plugin`: what is done with the plugins themselves.

import ArgumentParser
import Execution
import PluginInvocation
import Presentation
import RunModel
import UpdateModel

struct PluginTools: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin",
        abstract: "Write plugins, look at them as their authors do, have them update themselves.",
        subcommands: [PluginNew.self, PluginValidate.self, SelfUpdate.self, SelfUpgrade.self])

    struct SelfUpdate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have plugins update themselves, each as the owner of its files.",
            discussion: """
                Without a name, all that offer it. Afterwards manifest, ownership and the policy's sha256 are checked \
                again. With self_update = true in the policy, `run` does it before it asks the plugins.
                """)

        @OptionGroup var common: CommonOptions

        @Argument(help: "Only these plugins.")
        var plugins: [String] = []

        func run() async throws {
            try await updateThemselves(common, plugins, by: .selfUpdate)
        }
    }

    struct SelfUpgrade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have plugins upgrade themselves to a new major version, which may work otherwise than before.")

        @OptionGroup var common: CommonOptions

        @Argument(help: "The plugins; they must be named.")
        var plugins: [String]

        func run() async throws {
            try await updateThemselves(common, plugins, by: .selfUpgrade)
        }
    }
}

private func updateThemselves(_ common: CommonOptions, _ names: [String], by command: PluginCommand) async throws {
    var selected = SelectionOptions()
    selected.plugins = names
    selected.only = []
    selected.skip = []
    let preparation = try Preparation(common, selected)
    let reports = try await preparation.holdingRunLock {
        try await preparation.open {
            // Without names the others are not spoken of.
            let asked = names.isEmpty ? preparation.plugins.filter(\.offersSelfUpdate) : preparation.wanted
            let reports = await preparation.session.updateThemselves(asked, by: command)
            if let signal = await preparation.session.interruption { throw FinalExit(code: .signal(signal)) }
            return reports
        }
    }
    await preparation.session.end()
    if reports.isEmpty { complain("no plugin here updates itself") }
    for report in reports {
        writeToStandardOutput(Array(Sanitizer.clean("\(report.plugin): \(report.sentence)").utf8) + [0x0A])
    }
    var codes = reports.map { $0.exitCode(isNamed: !names.isEmpty) }
    if preparation.hasInvalidFiles { codes.append(.usage) }
    throw FinalExit(code: .combined(codes))
}

extension SelfUpdateReport {
    /// What became of it, for people.
    var sentence: String {
        switch result {
        case .updated(let from?, let to?) where from != to: "updated, \(from) → \(to)"
        case .updated(_, let to?): "updated, is \(to) as before"
        case .updated: "updated"
        case .unchanged(let version): "nothing new" + (version.map { " (\($0))" } ?? "")
        case .notOffered: "does not update itself"
        case .refused(_, let reason): "not updated: \(reason)"
        case .failed(let reason): "failed: \(reason)"
        case .unusable(let reason): "updated, and may not run like this: \(reason)"
        }
    }

    /// - Parameter isNamed: somebody asked for this one.
    fileprivate func exitCode(isNamed: Bool) -> RunModel.ExitCode {
        switch result {
        case .updated, .unchanged: .success
        case .notOffered: isNamed ? .failure : .success
        // Of all plugins, those of others are not what a person meant.
        case .refused(.needsAuth, _): isNamed ? .authentication : .success
        case .refused, .failed, .unusable: .failure
        }
    }
}
