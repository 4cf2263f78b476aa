// The programs of a policy's [hooks] as steps of a plan: a snapshot before a run, say, and a health check after it.

import Glibc
import LinuxSystem
import PluginInvocation
import PluginManifests
import Policy
import RunModel
import RunPolicy
import SystemPackage
import UpdateModel

/// A program that runs before or after all steps. It is planned, limited, run and logged as a step of a plugin that has
/// only an execute phase; its name is `before_run.FILE` or `after_run.FILE`.
struct Hook: Sendable {
    let moment: HookMoment
    /// The program, as the plugin that it is taken for.
    let plugin: DiscoveredPlugin
    /// Where the policy has it.
    let origin: PolicyOrigin

    /// The hooks of a policy, in order.
    /// - Parameter taken: names of plugins; a hook gets a number where its name is one of them, or another hook's.
    static func all(in policy: MergedPolicy, besides taken: Set<PluginName>) -> [Hook] {
        var taken = taken
        return policy.hooks.map { moment, program, origin in
            let name = name(of: program, moment, besides: taken)
            taken.insert(name)
            let folder = program.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            let plugin = DiscoveredPlugin(
                name: name, directory: folder.isEmpty ? "/" : folder, executable: program, manifest: nil,
                manifestPath: nil, mentions: [])
            return Hook(moment: moment, plugin: plugin, origin: origin)
        }
    }

    /// What of a file's name a plugin's cannot have becomes a dash.
    private static func name(of program: String, _ moment: HookMoment, besides taken: Set<PluginName>) -> PluginName {
        let file = (program.split(separator: "/").last ?? "hook").lowercased().unicodeScalars.map { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "." || scalar == "_")
                ? Character(scalar) : "-"
        }
        // Ten are kept for the number.
        let stem = "\(moment.rawValue).\(String(file))".prefix(54)
        for number in 1... {
            let text = number == 1 ? String(stem) : "\(stem).\(number)"
            if let name = PluginName(text), !taken.contains(name) { return name }
        }
        preconditionFailure("there are fewer names than numbers")
    }

    /// Why the program cannot be run; `nil` where it can.
    var trouble: String? {
        guard let found = try? status(plugin.executable) else { return "does not exist, or cannot be looked at" }
        if found.st_mode & S_IFMT != S_IFREG { return "is not a file" }
        return access(plugin.executable, X_OK) == 0 ? nil : "is not executable (chmod +x)"
    }

    /// Root's hooks run as root, a person's as the person, unless the policy says otherwise.
    func runAs(_ policy: MergedPolicy, on machine: MachineFacts) -> RunAs {
        policy.step(plugin.name, .execute, on: machine).runAs ?? (geteuid() == 0 ? .root : .invokingUser)
    }

    /// - Throws: exit code 2 where it cannot be run, 4 where it needs root: a run must not begin without it.
    func account(_ result: Result<String, PersonaRefusal>) throws(RunError) -> String {
        let reason: String
        var code = ExitCode.usage
        switch (trouble, result) {
        case (nil, .success(let account)): return account
        case (let trouble?, _): reason = trouble
        case (nil, .failure(let refusal)):
            reason = "cannot run: \(refusal.reason)"
            if refusal.outcome == .needsAuth { code = .authentication }
        }
        throw RunError(
            code,
            "\(origin): the hook \(plugin.executable) \(reason). Nothing was run; to run without it, take it out of [hooks]",
            namesPlaces: true)
    }
}

extension Invocation {
    /// The same process as that of a hook: its one argument is the moment, and its environment has that too.
    mutating func become(_ hook: HookMoment, runResult: String?) {
        arguments = [executable, hook.rawValue]
        environment.append(EnvironmentVariable("UPDATE_ALL_HOOK", hook.rawValue))
        if let runResult { environment.append(EnvironmentVariable("UPDATE_ALL_RUN_RESULT", runResult)) }
    }
}
