// Plugins on disk, as snapshots for the rules of discovery and trust.

import Glibc
import LinuxSystem
import PluginManifests
import PluginProtocol
import SystemPackage
import UpdateModel

/// Finds the plugins in `directories`; ones that do not exist are passed over.
public func findPlugins(in directories: [String]) -> Discovery {
    var inspector = Inspector()
    return Discovery(in: directories.compactMap(snapshot(of:))) { inspector.inspect($0, scan: $1) }
}

/// A directory as discovery sees it; `nil` where there is none.
private func snapshot(of path: String) -> PluginDirectory? {
    var path = absolutePath(path)
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    do throws(Errno) {
        return PluginDirectory(path: path, entries: try entries(of: path))
    } catch .noSuchFileOrDirectory {
        return nil
    } catch {
        return PluginDirectory(path: path, entries: [], problem: error.description)
    }
}

private func entries(of path: String) throws(Errno) -> [PluginDirectory.Entry] {
    let directory = try openFile(path, O_RDONLY | O_DIRECTORY)
    var entries: [PluginDirectory.Entry] = []
    for name in try directoryEntries(".", in: directory.raw).sorted() {
        guard let found = try? status(name, in: directory.raw), found.st_mode & S_IFMT == S_IFREG else { continue }
        var entry = PluginDirectory.Entry(name: name, isExecutable: faccessat(directory.raw, name, X_OK, 0) == 0)
        if name.hasSuffix(".toml") {
            // One that cannot be read is not an empty one: it may be what says that the plugin's commit is protected.
            do throws(Errno) {
                entry.manifest = try readFile(name, in: directory.raw)
            } catch {
                entry.problem = error.description
            }
        }
        entries.append(entry)
    }
    return entries
}

/// Looks at the files that plugins are, and through the bytes of each once: many manifests may name the same program.
private struct Inspector {
    private struct FileID: Hashable {
        var device: dev_t
        var number: ino_t
    }

    private var known: [FileID: Mentions] = [:]

    mutating func inspect(_ path: String, scan: Bool) -> ExecutableFacts? {
        guard let found = try? status(path) else { return nil }
        var facts = ExecutableFacts(
            isRegularFile: found.st_mode & S_IFMT == S_IFREG, isExecutable: access(path, X_OK) == 0)
        guard scan, facts.isRegularFile else { return facts }
        let file = FileID(device: found.st_dev, number: found.st_ino)
        facts.mentions = known[file] ?? mentions(in: path)
        known[file] = facts.mentions
        return facts
    }
}

/// The words of the protocol in a file, looked for in its first 16 MiB.
private func mentions(in path: String) -> Mentions {
    var scanner = MentionScanner()
    guard let file = try? openFile(path, O_RDONLY) else { return [] }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { chunk.deallocate() }
    for _ in 0..<256 where !scanner.isDone {
        guard let count = try? readBytes(file.raw, into: chunk), count > 0 else { break }
        scanner.feed(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: chunk[..<count])))
    }
    return scanner.mentions
}

func absolutePath(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { return path }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/" + path
}
