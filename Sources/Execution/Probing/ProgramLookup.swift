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

    /// - Parameters:
    ///   - program: a name, or a path that begins with a slash.
    ///   - others: directories to look in as well.
    func isOnPath(_ program: String, or others: [String] = []) -> Bool {
        if program.hasPrefix("/") { return known(program, is: isProgram(program)) }
        return known(program, is: directories.contains { isProgram("\($0)/\(program)") })
            || others.contains { isProgram("\($0)/\(program)") }
    }

    private func known(_ program: String, is find: @autoclosure () -> Bool) -> Bool {
        if let answer = known[program] { return answer }
        let answer = find()
        known[program] = answer
        return answer
    }

    /// A directory may be "executed", too: that is how it is entered.
    private func isProgram(_ path: String) -> Bool {
        access(path, X_OK) == 0 && ((try? status(path))?.st_mode ?? 0) & S_IFMT == S_IFREG
    }
}
