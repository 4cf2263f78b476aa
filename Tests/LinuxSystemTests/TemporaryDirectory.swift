import Glibc
import LinuxSystem
import SystemPackage

/// A directory that is removed with all that is in it.
final class TemporaryDirectory {
    let path: String

    init() throws(Errno) {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a file, with the directories above it.
    func write(_ name: String, _ text: String) throws {
        let parts = name.split(separator: "/")
        for count in 1..<max(1, parts.count) {
            try? makeDirectory(path + "/" + parts.prefix(count).joined(separator: "/"), mode: 0o755)
        }
        let file = try openFile(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try writeAll(file.raw, Array(text.utf8))
    }

    func link(_ name: String, to target: String) { symlink(target, path + "/" + name) }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        if let found = try? status(path, following: false), found.st_mode & S_IFMT == S_IFDIR {
            for name in (try? directoryEntries(path)) ?? [] { remove(path + "/" + name) }
            try? removeDirectory(path)
        } else {
            try? removeFile(path)
        }
    }
}
