// Whether programs exist, for `applicable_if`: asked of the file system once for each name.

import Glibc
import LinuxSystem

/// Looks programs up in a PATH.
final class ProgramLookup {
    private let directories: [String]
    private var known: [String: Bool] = [:]

    init(path: String) {
        directories = path.split(separator: ":").map(String.init)
    }

    /// The path that a program's name leads to.
    func path(of program: String) -> String? {
        directories.map { "\($0)/\(program)" }.first { isOnPath($0) }
    }

    /// - Parameter program: a name, or a path that begins with a slash.
    func isOnPath(_ program: String) -> Bool {
        if let answer = known[program] { return answer }
        let candidates = program.hasPrefix("/") ? [program] : directories.map { "\($0)/\(program)" }
        // A directory may be "executed", too: that is how it is entered.
        let answer = candidates.contains { path in
            access(path, X_OK) == 0 && ((try? status(path))?.st_mode ?? 0) & S_IFMT == S_IFREG
        }
        known[program] = answer
        return answer
    }
}
