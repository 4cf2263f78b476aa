// Whether programs exist, for `applicable_if`: asked of the file system once for each name.

import Glibc

/// Looks programs up in a PATH.
final class ProgramLookup {
    private let directories: [String]
    private var known: [String: Bool] = [:]

    init(path: String) {
        directories = path.split(separator: ":").map(String.init)
    }

    /// - Parameter program: a name, or a path that begins with a slash.
    func isOnPath(_ program: String) -> Bool {
        if let answer = known[program] { return answer }
        let candidates = program.hasPrefix("/") ? [program] : directories.map { "\($0)/\(program)" }
        let answer = candidates.contains { access($0, X_OK) == 0 }
        known[program] = answer
        return answer
    }
}
