import Configuration
import Foundation
import PluginManifests
import Policy
import Testing
import TomlDocument
import UpdateModel

/// Every TOML example of the documentation is read by the parser that it is for.
@Suite("Examples of the documentation") struct DocumentedExampleTests {
    struct Example: CustomTestStringConvertible, Sendable {
        let place: String
        let text: String
        var testDescription: String { place }
    }

    private static let checkout = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    /// The fenced blocks whose language is TOML, of the README and docs/; not another program's, which have its name.
    static let examples: [Example] = {
        let pages = (try? FileManager.default.subpathsOfDirectory(atPath: "\(checkout)/docs")) ?? []
        let files = ["README.md"] + pages.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
        return files.flatMap { file -> [Example] in
            let text = (try? String(contentsOfFile: "\(checkout)/\(file)", encoding: .utf8)) ?? ""
            var examples: [Example] = []
            var open: (line: Int, lines: [Substring])?
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let bare = line.drop { $0 == " " }
                if let block = open {
                    if bare.hasPrefix("```") {
                        examples.append(
                            Example(place: "\(file):\(block.line)", text: block.lines.joined(separator: "\n") + "\n"))
                        open = nil
                    } else {
                        open?.lines.append(line)
                    }
                } else if bare.hasPrefix("```toml"), !bare.hasSuffix(" topgrade.toml") {
                    open = (number + 1, [])
                }
            }
            return examples
        }
    }()

    @Test("are found")
    func found() { #expect(Self.examples.count >= 15) }

    @Test("are valid policies, manifests or configurations", arguments: examples)
    func valid(_ example: Example) throws {
        let readers = [policyComplaints, manifestComplaints, configurationComplaints]
        let complaints = readers.map { $0(example) }
        // The one that it is for has the fewest complaints.
        let fewest = complaints.min { $0.count < $1.count } ?? []
        #expect(fewest.isEmpty, "\(fewest.joined(separator: "\n"))\n\(example.text)")
    }

    /// `extends` may name any shipped policy, or a file of the page's own.
    private func policyComplaints(_ example: Example) -> [String] {
        let text = PolicyText(file: example.place, bytes: Array(example.text.utf8))
        do {
            _ = try mergePolicy(PolicyTexts(base: text)) { name, _ in PolicyText(file: name, bytes: []) }
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    private func manifestComplaints(_ example: Example) -> [String] {
        let named = example.text.split(separator: "\n").first { $0.hasPrefix("name = ") }?.split(separator: "\"")
        let name = named.flatMap { $0.count > 1 ? PluginName($0[1]) : nil } ?? PluginName("example")!
        do {
            _ = try Manifest(parsing: Array(example.text.utf8), file: example.place, name: name)
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    private func configurationComplaints(_ example: Example) -> [String] {
        let text = ConfigurationText(layer: .file, file: example.place, bytes: Array(example.text.utf8))
        do {
            _ = try Configuration(parsing: text)
            return []
        } catch {
            return error.list.map(\.description)
        }
    }
}
