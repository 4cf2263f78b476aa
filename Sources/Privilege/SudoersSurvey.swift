// What stands behind the programs of rules on this machine: who can change them, and what they amount to.

import Glibc
import LinuxSystem
import PluginInvocation
import Spawning
import Sudoers
import SystemPackage
import UpdateModel

/// Looks at programs before a rule names them.
public struct SudoersSurvey {
    /// `nil`: it is not known which programs amount to root.
    private let rootPrograms: RootPrograms?

    public init(_ rootPrograms: RootPrograms?) { self.rootPrograms = rootPrograms }

    /// Why there must be no rule for a program, as a clause; `nil` where there may be.
    public func obstacle(to program: SudoProgram) -> String? {
        // Which programs a wildcard meets is for sudo to find out: what can be looked at is where.
        let fixed = program.path.prefix { !"*?[".contains($0) }
        let path = fixed.count == program.path.count ? fixed : fixed[..<(fixed.lastIndex(of: "/") ?? fixed.endIndex)]
        do throws(Errno) {
            let components = try pathComponents(of: String(path))
            guard let refusal = TrustRefusal.first(in: components) else { return nil }
            return "who can change it would be root: \(refusal)"
        } catch {
            return error == .noSuchFileOrDirectory ? "it is not here" : "it cannot be looked at: \(error)"
        }
    }

    /// What whoever installs a rule for a program should know, as clauses.
    public func warnings(of program: SudoProgram) -> [String] {
        var warnings: [String] = []
        if program.path.contains(where: { "*?[".contains($0) }) {
            warnings.append("amounts to root where one of the programs does that its wildcards match")
        } else if program.hasWildcards {
            warnings.append(
                "has wildcards in its arguments, where they match more than one thinks: spaces and slashes, too")
        }
        let target = (try? pathComponents(of: program.path).last?.path) ?? program.path
        guard let rootPrograms else { return warnings + ["may amount to root"] }
        if let reason = rootPrograms.reason(for: program.path) ?? rootPrograms.reason(for: target) {
            warnings.append("amounts to root: \(reason)")
        }
        return warnings
    }
}
