// What a plugin's author should know of its files before anything is asked: `plugin validate`.

import PluginInvocation
import PluginManifests
import TomlDocument
import UpdateModel

/// One thing that was found.
public struct PluginFinding: Hashable, Sendable, CustomStringConvertible {
    public enum Weight: String, Sendable {
        /// It cannot run like this.
        case error
        /// It runs, and likely not as it was meant.
        case warning
        /// It could be better.
        case note
    }

    public let weight: Weight
    /// Without the weight.
    public let diagnostic: Diagnostic

    public init(_ weight: Weight, _ diagnostic: Diagnostic) {
        self.weight = weight
        self.diagnostic = diagnostic
    }

    /// As compilers write it: `plugins/mirror.toml:7:1: warning: …`.
    public var description: String {
        let place = diagnostic.position.map { "\(diagnostic.file):\($0)" } ?? diagnostic.file
        return "\(place): \(weight.rawValue): \(diagnostic.message)"
    }
}

/// What is known of an executable's bytes.
public struct PluginFile: Hashable, Sendable {
    public var path: String
    /// Its first 256 bytes.
    public var head: [UInt8]
    /// The commands whose names are in it, anywhere, or in what it reads.
    public var commands: Set<PluginCommand>
    /// `--dry-run` is there.
    public var mentionsDryRun: Bool

    /// - Parameter contents: its bytes, and behind them those of the files that it reads its commands from.
    public init(path: String, contents: [UInt8]) {
        self.path = path
        head = Array(contents.prefix(256))
        commands = contents.withUnsafeBytes { bytes in
            Set(PluginCommand.allCases.filter { Self.contains($0.rawValue, in: bytes) })
        }
        mentionsDryRun = contents.withUnsafeBytes { Self.contains("--dry-run", in: $0) }
    }

    /// Whether a word is in a text.
    public static func contains(_ word: String, in bytes: UnsafeRawBufferPointer) -> Bool {
        let word = Array(word.utf8)
        guard bytes.count >= word.count else { return false }
        return (0...(bytes.count - word.count)).contains { start in
            bytes[start] == word[0] && bytes[start..<(start + word.count)].elementsEqual(word)
        }
    }
}

/// Compares a plugin's manifest with its executable.
public struct PluginReview {
    public private(set) var findings: [PluginFinding] = []

    private let plugin: DiscoveredPlugin
    private let file: PluginFile
    private let document: TomlTable?

    /// - Parameters:
    ///   - manifestText: of its manifest, which was read without a complaint.
    ///   - isProgram: whether an interpreter is there: an absolute path, or a name on PATH.
    public init(
        of plugin: DiscoveredPlugin, manifestText: [UInt8]?, file: PluginFile, isProgram: (String) -> Bool
    ) {
        self.plugin = plugin
        self.file = file
        document = manifestText.flatMap { try? parseToml($0, file: "") }
        reviewFirstLine(isProgram)
        if let manifest = plugin.manifest {
            reviewPromises(manifest)
            reviewGaps(manifest)
        } else {
            reviewLackOfManifest()
        }
    }

    // MARK: The executable

    private mutating func reviewFirstLine(_ isProgram: (String) -> Bool) {
        if file.head.isEmpty { return add(.error, "it is empty") }
        guard file.head.starts(with: "#!".utf8) else {
            // Other formats than ELF may be registered (binfmt_misc); a text never is without its #!.
            if !file.head.contains(0) {
                add(.error, "it does not begin with #!, so that the kernel cannot start it: begin it with #!/bin/sh")
            }
            return
        }
        let line = String(decoding: file.head.dropFirst(2).prefix { $0 != 0x0A }, as: UTF8.self)
        if line.utf8.last == 0x0D {
            return add(
                .error,
                "its lines end in carriage returns, which become part of the interpreter's name: "
                    + "convert it with: sed -i 's/\\r$//' \(file.path)")
        }
        let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        guard let interpreter = words.first else { return add(.error, "no interpreter follows #! in its first line") }
        let program = interpreter.hasSuffix("/env") && words.count == 2 ? words[1] : interpreter
        if !isProgram(interpreter) || !isProgram(program) {
            add(.error, "\(isProgram(interpreter) ? program : interpreter), its interpreter, is not on this machine")
        }
    }

    private mutating func reviewLackOfManifest() {
        if plugin.speaksProtocol {
            add(
                .note,
                "without a manifest it is asked up to 15 questions before each plan; \(plugin.name).toml would answer them"
            )
        } else {
            add(.note, "it has no manifest and does not mention is-applicable: it is asked nothing and always runs")
        }
    }

    // MARK: The manifest

    /// What it says of the executable, and the executable does not have.
    private mutating func reviewPromises(_ manifest: Manifest) {
        if manifest.dryRun == true, !file.mentionsDryRun {
            add(.warning, "--dry-run is not in \(file.path): what is to be a dry run would be an update", at: "dry_run")
        }
        if manifest.validate == true, !file.commands.contains(.validate) { missing(.validate, "validate") }
        if manifest.selfUpdate, !file.commands.contains(.selfUpdate) { missing(.selfUpdate, "self_update") }
        if manifest.separateDownload == true, !file.commands.contains(.download) {
            missing(.download, "separate_download")
        }
        if manifest.estimate == true, !file.commands.contains(.estimateUpdate) { missing(.estimateUpdate, "estimate") }
    }

    private mutating func missing(_ command: PluginCommand, _ key: String) {
        add(.warning, "\(command) is not in \(file.path)", at: key)
    }

    /// What it does not say, so that the executable is asked, which does not know it.
    private mutating func reviewGaps(_ manifest: Manifest) {
        if manifest.applicableIf == nil, !file.commands.contains(.isApplicable) {
            gap(.error, "applicable_if = []", .isApplicable, "it would never apply")
        }
        if manifest.estimate == nil, !file.commands.contains(.estimateUpdate) {
            gap(.warning, "estimate = false", .estimateUpdate, "each plan begins with a warning")
        }
        if manifest.runAs == nil, !file.commands.contains(.doesRequireSudo) {
            gap(.note, "run_as = \"user\"", .doesRequireSudo, "a process more before each plan")
        }
        if manifest.separateDownload == nil, !file.commands.contains(.canSeparateDownload) {
            gap(.note, "separate_download = false", .canSeparateDownload, "a process more before each plan")
        }
    }

    private mutating func gap(_ weight: PluginFinding.Weight, _ line: String, _ command: PluginCommand, _ what: String)
    {
        let path = plugin.manifestPath ?? file.path
        let message = "add \(line), since \(file.path) does not answer \(command): \(what)"
        findings.append(PluginFinding(weight, Diagnostic(file: path, position: nil, message: message)))
    }

    /// - Parameter key: of the manifest; without one it is about the executable.
    private mutating func add(_ weight: PluginFinding.Weight, _ message: String, at key: String? = nil) {
        let position = key.flatMap { document?[$0]?.keyPosition }
        let path = key == nil ? file.path : plugin.manifestPath ?? file.path
        findings.append(PluginFinding(weight, Diagnostic(file: path, position: position, message: message)))
    }
}
