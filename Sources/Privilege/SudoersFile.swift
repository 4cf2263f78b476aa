// The file of sudo's rules: checked by visudo before sudo sees any of it, and put in its place at once.

import Glibc
import LinuxSystem
import PluginInvocation
import Spawning
import SystemPackage

/// Why rules were not checked or not installed, as a sentence without a full stop that says what to do.
public struct SudoersError: Error, CustomStringConvertible {
    public let description: String
}

/// A file of rules, of which sudo reads either all or nothing.
public struct SudoersFile {
    public enum Installation: Sendable { case written, unchanged }

    public let path: String
    private let visudo: String

    /// - Throws: where visudo is not here.
    public init(path: String = "/etc/sudoers.d/update-all") throws(SudoersError) {
        guard
            let visudo = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin"].lazy.map({ $0 + "/visudo" })
                .first(where: { access($0, X_OK) == 0 })
        else { throw SudoersError(description: "there is no visudo here to check the rules: install sudo") }
        self.path = path
        self.visudo = visudo
    }

    /// Has visudo read rules that are in no file yet.
    public func check(_ rules: [UInt8]) throws(SudoersError) {
        let input: OwnedDescriptor
        do { input = try sealedFile("sudoers", containing: rules) } catch {
            throw Self.failure("check the rules", error)
        }
        try check(["-cf", "-"], input: input.raw)
    }

    /// Puts rules in their place, 0440 and root's, where visudo accepts them; else all stays as it was.
    public func install(_ rules: [UInt8]) throws(SudoersError) -> Installation {
        do throws(any Error) {
            let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            if let refusal = TrustRefusal.first(in: try pathComponents(of: directory)) {
                throw SudoersError(description: refusal.description)
            }
            if let found = try? status(path, following: false), found.st_mode == S_IFREG | 0o440, found.st_uid == 0,
                found.st_gid == 0, try readFile(path) == rules
            {
                return .unchanged
            }
            // sudo leaves names with a dot in them alone (sudoers(5), "Including other files").
            let draft = "\(path).new"
            try? removeFile(draft)
            defer { try? removeFile(draft) }
            let file = try openFile(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o440)
            try changeOwner(draft, user: 0, group: 0)
            guard fchmod(file.raw, 0o440) == 0 else { throw Errno(rawValue: errno) }
            try writeAll(file.raw, rules)
            guard fsync(file.raw) == 0 else { throw Errno(rawValue: errno) }
            try check(["-cf", draft], input: nil)
            guard rename(draft, path) == 0 else { throw Errno(rawValue: errno) }
            let folder = try openFile(directory, O_RDONLY | O_DIRECTORY)
            fsync(folder.raw)
            return .written
        } catch let error as SudoersError {
            throw error
        } catch {
            throw Self.failure("install \(path)", error as? Errno ?? .ioError)
        }
    }

    /// The files that sudo reads after this one, whose rules count more; `nil`: it does not read this one.
    public func filesReadLater() throws(SudoersError) -> [String]? {
        // `/etc/sudoers: parsed OK`, a line for each in the order in which they are read.
        let files = try run(["-c"], input: nil).said.compactMap { line in
            line.hasPrefix("/") ? line.split(separator: ":").first.map(String.init) : nil
        }
        return files.firstIndex(of: path).map { Array(files[($0 + 1)...]) }
    }

    private func check(_ arguments: [String], input: CInt?) throws(SudoersError) {
        let (isDone, said) = try run(arguments, input: input)
        if isDone { return }
        throw SudoersError(
            description: "visudo does not accept the rules, and nothing was changed: \(said.joined(separator: "; "))")
    }

    /// visudo answers at once; it asks nobody.
    private static let limit = Duration.seconds(10)

    private func run(_ arguments: [String], input: CInt?) throws(SudoersError) -> (isDone: Bool, said: [String]) {
        do throws(any Error) {
            return try ToolCall(visudo, arguments, input: input, limit: Self.limit).finish()
        } catch let error as LaunchError {
            throw SudoersError(description: error.description)
        } catch {
            throw Self.failure("run \(visudo)", error as? Errno ?? .ioError)
        }
    }

    private static func failure(_ attempt: String, _ errno: Errno) -> SudoersError {
        SudoersError(description: "cannot \(attempt): \(errno)")
    }
}
