// Which plugins there are: from what stands in the directories to one plugin for each name.

import PluginManifests
import TomlDocument
import UpdateModel

/// One place for plugins, as it was found.
public struct PluginDirectory: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var name: String
        /// What it is, symbolic links followed.
        public var isRegularFile: Bool
        public var isExecutable: Bool
        /// Of a regular file `*.toml`, all its bytes; `nil` where it could not be read.
        public var manifest: [UInt8]?
        /// Why it could not be read, as the system says it.
        public var problem: String?

        public init(
            name: String, isRegularFile: Bool = true, isExecutable: Bool = false, manifest: [UInt8]? = nil,
            problem: String? = nil
        ) {
            self.name = name
            self.isRegularFile = isRegularFile
            self.isExecutable = isExecutable
            self.manifest = manifest
            self.problem = problem
        }
    }

    /// Without a slash at its end.
    public var path: String
    public var entries: [Entry]
    /// Why it could not be read, as the system says it; there may be plugins in it.
    public var problem: String?

    public init(path: String, entries: [Entry], problem: String? = nil) {
        self.path = path
        self.entries = entries
        self.problem = problem
    }
}

/// What a file that may run is found to be, symbolic links followed.
public struct ExecutableFacts: Hashable, Sendable {
    public var isRegularFile: Bool
    public var isExecutable: Bool
    /// Empty where nobody asked for it.
    public var mentions: Mentions

    public init(isRegularFile: Bool = true, isExecutable: Bool = true, mentions: Mentions = []) {
        self.isRegularFile = isRegularFile
        self.isExecutable = isExecutable
        self.mentions = mentions
    }
}

/// The plugins that were found, and what is wrong with the others.
public struct Discovery: Hashable, Sendable {
    /// By name.
    public var plugins: [DiscoveredPlugin] = []
    /// In the order of the directories. Each names the file, and none keeps another plugin from running.
    public var problems: [Diagnostic] = []

    /// Finds the plugins in `directories`; later ones override earlier ones by name. One that is broken overrides, too:
    /// what it was to replace must not run in its place.
    ///
    /// Passed over are: what is no regular file; hidden files; files that are not executable; what editors and package
    /// managers leave beside a file (`*~`, `*.bak`, `*.dpkg-old`, `*.rpmsave`, …, as logrotate does); and README*.
    /// An extension is what follows the last dot, if it begins with a letter: `apt.sh` is `apt`, `python3.11` is
    /// itself. Where there is a manifest, it alone says what runs.
    /// - Parameters:
    ///   - inspect: tells about the file with this path; `nil` where there is none. Called once at most for each plugin
    ///     that is not overridden, and asked to look through its bytes only where they matter.
    public init(in directories: [PluginDirectory], inspect: (_ path: String, _ scan: Bool) -> ExecutableFacts?) {
        var candidates: [PluginName: Candidate] = [:]
        for directory in directories {
            if let problem = directory.problem {
                problems.append(
                    Diagnostic(
                        file: directory.path, position: nil,
                        message: "the directory cannot be read: \(problem). Its plugins are left out"))
            }
            var reader = DirectoryReader(directory)
            reader.read()
            problems += reader.problems
            candidates.merge(reader.candidates) { $1 }
        }
        for (name, candidate) in candidates.sorted(by: { $0.key < $1.key }) {
            guard case .runnable(let directory, let executable, let manifest) = candidate else { continue }
            let scan = manifest?.manifest.leavesWordsToFind ?? true
            let facts = inspect(executable, scan)
            if let manifest, let fault = manifest.fault(of: executable, facts) {
                problems.append(fault)
                continue
            }
            plugins.append(
                DiscoveredPlugin(
                    name: name, directory: directory, executable: executable, manifest: manifest?.manifest,
                    manifestPath: manifest?.path, mentions: facts?.mentions ?? []))
        }
    }
}

private enum Candidate {
    case runnable(directory: String, executable: String, FoundManifest?)
    /// Said among the problems.
    case broken
}

extension Manifest {
    /// Something is left to what the executable's bytes suggest.
    fileprivate var leavesWordsToFind: Bool { invocation.dryRun == nil || estimate == nil || validate == nil }
}

private struct FoundManifest {
    let path: String
    let manifest: Manifest

    func fault(of executable: String, _ facts: ExecutableFacts?) -> Diagnostic? {
        let reason: String
        switch facts {
        case nil: reason = "does not exist"
        case let facts? where !facts.isRegularFile: reason = "is not a regular file"
        case let facts? where !facts.isExecutable: reason = "is not executable (chmod +x)"
        default: return nil
        }
        return Diagnostic(file: path, position: nil, message: "the executable \(executable) \(reason)")
    }
}

/// Reads one directory.
private struct DirectoryReader {
    let directory: PluginDirectory
    private(set) var candidates: [PluginName: Candidate] = [:]
    private(set) var problems: [Diagnostic] = []

    init(_ directory: PluginDirectory) { self.directory = directory }

    mutating func read() {
        let files = directory.entries.filter { $0.isRegularFile && !FileNames.isPassedOver($0.name) }
            .sorted { $0.name < $1.name }
        let manifests = files.filter { FileNames.isManifest($0.name) }
        let executables = files.filter { $0.isExecutable && !FileNames.isManifest($0.name) }
        // A manifest may name its executable; a file that one names is not a plugin of its own.
        var claimed: Set<String> = []
        for entry in manifests {
            guard let name = pluginName(String(entry.name.dropLast(5)), of: entry.name) else { continue }
            candidates[name] = .broken
            guard let found = manifest(entry, name) else { continue }
            guard let executable = executablePath(found, name, executables) else { continue }
            candidates[name] = .runnable(directory: directory.path, executable: executable, found)
            claimed.insert(executable)
        }
        for entry in executables where !claimed.contains(path(entry.name)) {
            guard let name = pluginName(FileNames.withoutExtension(entry.name), of: entry.name) else { continue }
            switch candidates[name] {
            case nil:
                candidates[name] = .runnable(directory: directory.path, executable: path(entry.name), nil)
            case .runnable(_, let other, nil):
                report(entry.name, "\(other) is the plugin \"\(name)\", too: rename or remove one of them")
                candidates[name] = .broken
            case .runnable, .broken:
                break
            }
        }
    }

    private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    private mutating func report(_ file: String, _ message: String) {
        problems.append(Diagnostic(file: path(file), position: nil, message: message))
    }

    private mutating func pluginName(_ text: String, of file: String) -> PluginName? {
        if let name = PluginName(text) { return name }
        report(file, "\"\(text)\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63}): rename the file")
        return nil
    }

    private mutating func manifest(_ entry: PluginDirectory.Entry, _ name: PluginName) -> FoundManifest? {
        guard let bytes = entry.manifest else {
            let reason = entry.problem ?? "unknown error"
            report(entry.name, "the manifest cannot be read: \(reason). Without it the plugin is left out")
            return nil
        }
        do {
            let manifest = try Manifest(parsing: bytes, file: path(entry.name), name: name)
            return FoundManifest(path: path(entry.name), manifest: manifest)
        } catch {
            problems += error.list
            return nil
        }
    }

    /// What the manifest says runs; without a word of it, the one file beside it that has the plugin's name.
    private mutating func executablePath(
        _ found: FoundManifest, _ name: PluginName, _ executables: [PluginDirectory.Entry]
    ) -> String? {
        if let executable = found.manifest.executable {
            if executable.hasPrefix("/") { return executable }
            return path(executable.hasPrefix("./") ? String(executable.dropFirst(2)) : executable)
        }
        let own = executables.map(\.name).filter { [FileNames.withoutExtension($0), $0].contains(name.rawValue) }
        if own.count == 1 { return path(own[0]) }
        let file = "\(name).toml"
        if own.isEmpty {
            report(file, "no executable file \"\(name)\" is beside it: add one, or name it with \"executable\"")
        } else {
            let names = own.joined(separator: " and ")
            report(file, "\(names) are both beside it: say with \"executable\" which one runs")
        }
        return nil
    }
}

/// What a file's name tells.
enum FileNames {
    static func isManifest(_ name: String) -> Bool { name.hasSuffix(".toml") }

    static func isPassedOver(_ name: String) -> Bool {
        if name.hasPrefix(".") || name.hasPrefix("#") || name.hasSuffix("~") || name.hasSuffix(",v") { return true }
        if name.lowercased().hasPrefix("readme") { return true }
        let leftovers = [
            "bak", "cfsaved", "disabled", "dpkg-bak", "dpkg-del", "dpkg-dist", "dpkg-new", "dpkg-old", "dpkg-tmp",
            "orig", "rej", "rpmnew", "rpmorig", "rpmsave", "swp", "tmp", "ucf-dist", "ucf-new", "ucf-old",
        ]
        guard let dot = name.lastIndex(of: ".") else { return false }
        return leftovers.contains(String(name[name.index(after: dot)...]))
    }

    /// `apt.sh` → `apt`; a number is no extension.
    static func withoutExtension(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        let following = name[name.index(after: dot)...]
        return following.first?.isLetter ?? true ? String(name[..<dot]) : name
    }
}
