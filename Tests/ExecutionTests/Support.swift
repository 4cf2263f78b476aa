// What the tests of this module share: a directory of their own, and short ways to name things.

import Glibc
import LinuxSystem
import PluginInvocation
import PluginManifests
import Policy
import SystemPackage
import TomlDocument
import UpdateModel

@testable import Execution

let isRoot = geteuid() == 0

/// A directory that is removed with all that is in it.
final class TemporaryDirectory {
    let path: String

    init() throws(Errno) {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a file, with the directories above it.
    /// - Returns: its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        let parts = name.split(separator: "/")
        for count in 1..<max(1, parts.count) {
            try? makeDirectory(path + "/" + parts.prefix(count).joined(separator: "/"), mode: 0o755)
        }
        let file = "\(path)/\(name)"
        let opened = try openFile(file, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try writeAll(opened.raw, Array(text.utf8))
        fchmod(opened.raw, mode)
        return file
    }

    func script(_ name: String, _ body: String) throws {
        try write(name, "#!/bin/sh\n# is-applicable\n\(body)\n", mode: 0o755)
    }

    func link(_ name: String, to target: String) { symlink(target, path + "/" + name) }

    deinit { try? removeTree(path) }
}

func text(_ path: String) throws -> String { String(decoding: try readFile(path, limit: 1 << 30), as: UTF8.self) }

func name(_ text: String) -> PluginName { PluginName(text)! }

func step(_ plugin: String, _ phase: Phase = .execute) -> StepID { StepID(name(plugin), phase) }

func plugin(_ text: String, manifest: Manifest? = nil) -> DiscoveredPlugin {
    DiscoveredPlugin(
        name: name(text), directory: "/plugins", executable: "/plugins/\(text)", manifest: manifest,
        manifestPath: nil, mentions: [])
}

func stepCommand(_ plugin: DiscoveredPlugin, _ phase: Phase = .execute, isProtected: Bool = false) -> StepCommand {
    StepCommand(
        plugin: plugin, step: StepID(plugin.name, phase), command: PluginCommand(doing: phase), runAs: .invokingUser,
        settings: StepSettings(), limits: [], isProtected: isProtected)
}

func policy(_ base: String? = nil) throws(Diagnostics) -> MergedPolicy {
    let texts = PolicyTexts(
        base: base.map { PolicyText(file: "base.toml", bytes: Array($0.utf8)) }, etc: [], user: nil,
        shippedNames: [])
    return try mergePolicy(texts) { _, _ in nil }
}

/// The error of exit code and text that `body` ends with.
func runError(_ body: () throws -> Void) -> RunError? {
    do {
        try body()
        return nil
    } catch {
        return error as? RunError
    }
}
