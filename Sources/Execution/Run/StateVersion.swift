// The version of what is kept in a state directory, so that an older program does not take it for its own.

import Glibc
import LinuxSystem
import SystemPackage

/// The file `version` of a state directory: one number in one line.
public enum StateVersion {
    /// Raised when what is kept changes so that programs of the last version would misread it.
    static let current = 1

    private static func path(_ state: String) -> String { "\(state)/version" }

    /// Whether this program may use a state directory. One that is not there, or has no version yet, it may.
    /// - Throws: exit code 2 where it is of a newer program.
    public static func check(_ state: String) throws(RunError) {
        let path = path(state)
        let text: String
        do throws(Errno) {
            text = try readText(path)
        } catch {
            // There is none yet. Or nothing there can be read, which whoever has to write there says.
            return
        }
        guard let version = Int(text) else {
            throw RunError(
                .usage,
                "\(path) has no number in it: remove that file if nothing but update-all used the directory, "
                    + "or choose another place with --state-dir")
        }
        guard version <= current else {
            throw RunError(
                .usage,
                "the state in \(state) is of a newer update-all (version \(version); this one knows \(current)): "
                    + "run that one, or choose another place with --state-dir")
        }
    }

    /// Notes the version where there is none.
    static func mark(_ state: String, _ access: FileAccess) throws(Errno) {
        let file = try access.open(path(state), O_RDWR)
        if lseek(file.raw, 0, SEEK_END) == 0 { try writeAll(file.raw, Array("\(current)\n".utf8)) }
    }
}
