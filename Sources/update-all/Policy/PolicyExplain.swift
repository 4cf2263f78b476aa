// `update-all policy explain`: what is enforced of the policy for one plugin here, by which control file, what is not and
// why.

import ArgumentParser
import Execution
import JSONDocument
import PolicyReports
import Presentation
import Terminal
import UpdateModel

struct PolicyExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what the policy does with a plugin's steps on this machine, and what it cannot do.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "The plugin.")
    var plugin: String

    @Option(help: "How it is printed: table, which is sentences here, or json.")
    var format = TableFormat.table

    func run() async throws {
        let preparation = try Preparation(common, SelectionOptions.parse([plugin]))
        guard let found = preparation.plugins.first(where: { $0.name.rawValue == plugin }) else {
            throw RunError(.usage, "the plugin \"\(plugin)\" is not valid; what is wrong with it is said above")
        }
        let explanation = try await preparation.open { await preparation.session.explain(found) }
        await preparation.session.end()
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let lines = Outline.lines(sections(explanation), columns: device.isTerminal ? device.size.columns : 80)
            let colour = TerminalCapabilities(of: device, preparation.configuration).hasColour
            try? device.print(lines: lines, colour: colour)
        case .json:
            writeToStandardOutput(json(explanation))
        }
    }

    // MARK: Sentences

    private func sections(_ explanation: PluginExplanation) -> [OutlineSection] {
        let heading = OutlineSection(
            title: "What the policy \(explanation.policy) does with \(explanation.plugin) on \(explanation.host)",
            items: [])
        return [heading]
            + explanation.parts.filter { !$0.statements.isEmpty }.map {
                OutlineSection(
                    title: title($0, of: explanation.plugin), subtitle: $0.group.map { "group \($0)" },
                    items: items($0.statements))
            }
    }

    private func title(_ part: PluginExplanation.Part, of plugin: PluginName) -> String {
        switch part.scope {
        case .run: return "All steps together"
        case .commits: return "All commits together"
        case .step(let phase):
            var text = "\(plugin)/\(phase)"
            switch part.account {
            case .success(let account): text += ", as \(account)"
            case .failure(let refusal): text += ", which cannot run: \(refusal.reason)"
            case nil: break
            }
            return part.isProtected ? text + "; a commit, which nothing here may kill" : text
        }
    }

    /// What is in force first; what is not is gathered by its reason, which is often the same for many.
    private func items(_ statements: [PolicyStatement]) -> [OutlineSection.Item] {
        var items: [OutlineSection.Item] = []
        for statement in statements {
            let text = sentence(statement)
            switch statement.state {
            case .enforced: items.append(OutlineSection.Item(.good, text))
            case .altered: items.append(OutlineSection.Item(.altered, "\(text): \(statement.reason ?? "")"))
            case .leftOut:
                items.append(OutlineSection.Item(.leftOut, "\(text): left out, since \(statement.reason ?? "")"))
            case .notEnforced: break
            }
        }
        let missing = statements.filter { $0.state == .notEnforced }
        var reasons: [String] = []
        for reason in missing.map({ $0.reason ?? "" }) where !reasons.contains(reason) { reasons.append(reason) }
        return items
            + reasons.map { reason in
                OutlineSection.Item(
                    .missing, "Not enforced: \(reason)",
                    details: missing.filter { $0.reason ?? "" == reason }.map(sentence))
            }
    }

    /// `At most 1.0 GiB of memory: memory.max = 1073741824 ([step] memory_max)`.
    private func sentence(_ statement: PolicyStatement) -> String {
        let controls = statement.controls.map(\.description).joined(separator: ", ")
        return statement.text + (controls.isEmpty ? "" : ": \(controls)")
            + (statement.source.map { " (\($0))" } ?? "")
    }

    // MARK: JSON

    private func json(_ explanation: PluginExplanation) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in [
            ("plugin", explanation.plugin.rawValue), ("policy", explanation.policy), ("host", explanation.host),
        ] {
            writer.key(key)
            writer.write(value)
        }
        writer.key("parts")
        writer.beginArray()
        for part in explanation.parts { write(part, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    private func write(_ part: PluginExplanation.Part, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("scope")
        switch part.scope {
        case .run: writer.write("run")
        case .commits: writer.write("commits")
        case .step(let phase): writer.write(phase.rawValue)
        }
        if let group = part.group {
            writer.key("cgroup")
            writer.write(group)
        }
        writer.key("protected")
        writer.write(part.isProtected)
        switch part.account {
        case .success(let account):
            writer.key("run_as")
            writer.write(account)
        case .failure(let refusal):
            writer.key("cannot_run")
            writer.write(refusal.reason)
        case nil: break
        }
        writer.key("statements")
        writer.beginArray()
        for statement in part.statements { write(statement, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    private func write(_ statement: PolicyStatement, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("state")
        writer.write(statement.state.rawValue)
        if let slot = statement.slot {
            writer.key("key")
            writer.write(slot.description)
        }
        writer.key("text")
        writer.write(statement.text)
        if !statement.controls.isEmpty {
            writer.key("controls")
            writer.beginObject()
            // One file may be written once for each disk.
            for file in Set(statement.controls.map(\.file)).sorted() {
                writer.key(file)
                writer.write(statement.controls.filter { $0.file == file }.map(\.value).joined(separator: "\n"))
            }
            writer.endObject()
        }
        if let reason = statement.reason {
            writer.key("reason")
            writer.write(reason)
        }
        writer.endObject()
    }
}
