// What of the declarations of a plugin, and of the policy, becomes a rule.

import UpdateModel

/// What a plugin wants to run through sudo, and what it is allowed.
public struct SudoDeclaration: Sendable {
    public let plugin: PluginName
    /// By the manifest or the plugin's answer.
    public var declared: [String]
    /// By the policy: of the declared no more than these, and these where nothing is declared. `nil`: it says nothing.
    public var allowed: [String]?
    /// By root's own files of the policy alone.
    public var allowedByRoot: [String]?
    /// Others than root can change neither its manifest nor its executable.
    public var isRoots: Bool

    public init(
        plugin: PluginName, declared: [String], allowed: [String]? = nil, allowedByRoot: [String]? = nil, isRoots: Bool
    ) {
        self.plugin = plugin
        self.declared = declared
        self.allowed = allowed
        self.allowedByRoot = allowedByRoot
        self.isRoots = isRoots
    }

    /// What it gets, and why it does not get the rest.
    public var grant: (grant: SudoersGrant, complaints: [String]) {
        var complaints: [String] = []
        func programs(_ texts: [String]) -> [SudoProgram] {
            texts.compactMap { text in
                do throws(SudoProgram.Malformed) {
                    return try SudoProgram(text)
                } catch {
                    complaints.append("\(plugin): no rule for \"\(text)\": \(error.reason)")
                    return nil
                }
            }
        }
        let declared = programs(declared)
        // A rule that a person's own file asks for would let that person give themselves root.
        guard let allowed = isRoots ? allowed : allowedByRoot else {
            if isRoots || declared.isEmpty {
                return (SudoersGrant(plugin: plugin, programs: isRoots ? declared : []), complaints)
            }
            complaints.append(
                "\(plugin): no rule for it, since others than root can change what it declares; to allow it, root lists the"
                    + " programs in /etc/update-all/policy.toml: [plugin.\(plugin)] sudo_programs = […]")
            return (SudoersGrant(plugin: plugin, programs: []), complaints)
        }
        let limit = programs(allowed)
        if declared.isEmpty { return (SudoersGrant(plugin: plugin, programs: limit), complaints) }
        var granted: [SudoProgram] = []
        for program in declared {
            // The narrower one of both.
            let narrower = limit.contains { $0.covers(program) } ? [program] : limit.filter(program.covers)
            if narrower.isEmpty {
                complaints.append("\(plugin): no rule for \(program): the policy's sudo_programs do not have it")
            }
            granted += narrower.filter { !granted.contains($0) }
        }
        return (SudoersGrant(plugin: plugin, programs: granted), complaints)
    }
}
