// A plugin's files as its author has them, read for a review.

import Glibc
import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import Spawning
import SystemPackage
import TomlDocument
import UpdateModel

/// The plugins at `path`: all of a directory, or the one whose executable or manifest it is.
/// - Throws: wrong usage, where nothing is there.
public func findPlugins(at path: String) throws(RunError) -> Discovery {
    let path = absolutePath(path)
    let found: stat
    do throws(Errno) { found = try status(path) } catch {
        throw RunError(.usage, "\(path): cannot be looked at: \(error)")
    }
    if found.st_mode & S_IFMT == S_IFDIR { return findPlugins(in: [path]) }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let (directory, name) = (String(path[..<slash]), String(path[path.index(after: slash)...]))
    var discovery = findPlugins(in: [directory.isEmpty ? "/" : directory])
    // Its manifest has the same name but for the extension.
    let stem = name.split(separator: ".").first.map(String.init) ?? name
    discovery.problems.removeAll { problem in
        let file = problem.file.split(separator: "/").last.map(String.init) ?? ""
        return file != name && file != "\(stem).toml"
    }
    discovery.plugins.removeAll { $0.executable != path && $0.manifestPath != path }
    guard discovery.plugins.isEmpty, discovery.problems.isEmpty else { return discovery }
    throw RunError(.usage, "\(path) is no plugin: it must be an executable (chmod +x) or a manifest NAME.toml")
}

/// Reviews a plugin's files; nothing of it is started.
/// - Parameter programPath: the PATH in which interpreters are looked for.
public func review(_ plugin: DiscoveredPlugin, programPath: String) -> [PluginFinding] {
    let bytes: [UInt8]
    do throws(Errno) {
        bytes = try readFile(plugin.executable, limit: 64 << 20)
    } catch {
        let message = "cannot be read: \(error)"
        return [PluginFinding(.error, Diagnostic(file: plugin.executable, position: nil, message: message))]
    }
    let contents = bytes + contentsOfFilesNamed(in: bytes, beside: plugin.executable)
    let programs = ProgramLookup(path: programPath)
    let home = ((try? Account.numbered(geteuid())) ?? nil)?.home ?? "/"
    let directories = plugin.manifest?.programDirectories(home: home) ?? []
    let review = PluginReview(
        of: plugin, manifestText: plugin.manifestPath.flatMap { try? readFile($0) },
        file: PluginFile(path: plugin.executable, contents: contents),
        isProgram: { programs.isOnPath($0, or: directories) })
    return review.findings + distrust(plugin)
}

/// Why root would refuse it where it stands, if it is to run as root.
private func distrust(_ plugin: DiscoveredPlugin) -> [PluginFinding] {
    guard plugin.manifest?.runAs == .root else { return [] }
    for path in [plugin.executable, plugin.manifestPath].compactMap(\.self) {
        guard let components = try? pathComponents(of: path), let refusal = TrustRefusal.first(in: components)
        else { continue }
        // Its author's directory may well be the author's; what counts is where it will be installed.
        let weight: PluginFinding.Weight = geteuid() == 0 ? .error : .note
        let message = "as root it would not run here: \(refusal)"
        return [PluginFinding(weight, Diagnostic(file: path, position: nil, message: message))]
    }
    return []
}

/// Of the files in a plugin's directory those that it names, since it may read its commands from there.
private func contentsOfFilesNamed(in bytes: [UInt8], beside executable: String) -> [UInt8] {
    let slash = executable.lastIndex(of: "/") ?? executable.startIndex
    let (directory, own) = (String(executable[..<slash]), executable[executable.index(after: slash)...])
    // A short name would be found in any text.
    let names = ((try? directoryEntries(directory)) ?? []).filter { $0.utf8.count > 4 && $0 != own }
    return bytes.withUnsafeBytes { text in names.filter { PluginFile.contains($0, in: text) } }
        .compactMap { try? readFile("\(directory)/\($0)") }.flatMap(\.self)
}
