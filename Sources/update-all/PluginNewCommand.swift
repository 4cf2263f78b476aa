// `update-all plugin new`: a plugin to begin with.

import ArgumentParser
import Execution
import Glibc
import LinuxSystem
import Presentation
import SystemPackage
import UpdateModel

extension PluginTemplate.Language: ExpressibleByArgument {}

struct PluginNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Write a new plugin: an executable and its manifest, which run as they are.")

    @Argument(help: "Its name: lower-case letters, digits, '.', '_' and '-'.")
    var name: String

    @Option(help: "In which language: sh or python.")
    var language = PluginTemplate.Language.sh

    @Option(help: ArgumentHelp("Where to put it; the current directory by default.", valueName: "dir"))
    var directory = "."

    func run() throws {
        guard let name = PluginName(name) else {
            throw RunError(.usage, "\"\(name)\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63})")
        }
        let template = PluginTemplate(name: name, language: language)
        let files = [
            File(path: "\(directory)/\(name)", text: template.executable, mode: 0o755),
            File(path: "\(directory)/\(name).toml", text: template.manifest, mode: 0o644),
        ]
        // One alone would be half a plugin: nothing is written where either cannot be.
        for file in files where (try? status(file.path)) != nil { throw refusal(file, Errno.fileExists) }
        for file in files {
            do throws(Errno) {
                let opened = try openFile(file.path, O_WRONLY | O_CREAT | O_EXCL, mode: file.mode)
                try writeAll(opened.raw, Array(file.text.utf8))
            } catch {
                throw refusal(file, error)
            }
            writeToStandardOutput(Array("\(Sanitizer.clean(file.path))\n".utf8))
        }
    }

    private struct File {
        let path: String
        let text: String
        let mode: mode_t
    }

    private func refusal(_ file: File, _ error: Errno) -> RunError {
        RunError(.usage, "cannot make \(file.path): \(error). Choose another name, or another --directory")
    }
}
