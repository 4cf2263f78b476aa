// A person's run with steps that need root: who asks for the password, and what changes once the helper runs.

import Cgroups
import Glibc
import LinuxSystem
import PluginInvocation
import Privilege
import RunModel
import Spawning
import SystemPackage
import UpdateModel

extension RunSession {
    /// Has the helper started as root, where steps of `plan` need it and we are not root; at most one password is asked for.
    /// Then everything is started through it, and `replan` tells what that changes.
    /// - Parameter tell: gets what is said to the person before anything is asked, as lines without a full stop.
    /// - Returns: whether there is a helper now.
    /// - Throws: exit code 4, where nobody may be root, or nobody can be asked.
    public func elevate(for plan: Plan, tell: (String) -> Void) async throws -> Bool {
        let wanting = needingRoot(plan)
        guard geteuid() != 0, !wanting.isEmpty, let elevation = configuration.elevation else { return false }
        let names = wanting.map(\.rawValue).joined(separator: ", ")
        let need = "\(names) \(wanting.count == 1 ? "needs" : "need") root"
        let otherwise = "To do the rest: update-all run --no-sudo"
        if let distrust = distrust(elevation.helper) {
            throw RunError(.authentication, "\(need), and nothing was run: \(distrust)")
        }
        let hasTerminal = (try? openFile("/dev/tty", O_RDWR)) != nil
        let allow = elevation.method.rule(user: userName, helper: elevation.helper).map {
            "Let root allow it without asking: \($0). "
        }
        // It has been denied, or may have been.
        var (complaint, mayBeDenied) = ("", true)
        do {
            if let attempt = try elevation.beginSilently(run, hasTerminal: hasTerminal, callback: temporaryRoot) {
                switch await result(of: attempt) {
                case .success(let client): return try adopt(client)
                case .failure(.denied(let text)) where !text.isEmpty: complaint = " (\(text))"
                case .failure: mayBeDenied = false
                }
            }
        } catch let error as Errno {
            throw RunError(
                .authentication, "\(need), and \(elevation.program) cannot be started: \(error). \(otherwise)")
        }
        if received != nil { throw RunError(.authentication, "\(need); \(Self.brokenOff). \(otherwise)") }
        guard hasTerminal else {
            throw RunError(
                .authentication,
                "\(need), and \(elevation.method) would have to ask where there is no terminal\(complaint); nothing was run. "
                    + (allow ?? "") + otherwise)
        }
        for plugin in wanting { tell("\(plugin) needs root: \(whyRoot(plugin))") }
        let result: Result<HelperClient, Elevation.Failure>
        do {
            result = await self.result(
                of: try elevation.beginAsking(
                    run, purpose: "update-all needs root for \(names)", callback: temporaryRoot))
        } catch {
            throw RunError(
                .authentication, "\(need), and \(elevation.program) cannot be started: \(error). \(otherwise)")
        }
        switch result {
        case .success(let client): return try adopt(client)
        case .failure(let failure):
            if received != nil { throw RunError(.authentication, "\(need); \(Self.brokenOff). \(otherwise)") }
            var reason = ""
            if case .denied(let text) = failure, !text.isEmpty { reason = ": \(text)" }
            throw RunError(
                .authentication,
                "\(need); authentication failed\(reason), and nothing was run. \(mayBeDenied ? allow ?? "" : "")"
                    + otherwise)
        }
    }

    private static let brokenOff = "authentication was broken off, and nothing was run"

    /// What the steps of `plan` that need root will have it by, as a sentence without a full stop; `nil`: none needs it, or they
    /// have it, or cannot have it.
    public func authentication(for plan: Plan) -> String? {
        let wanting = needingRoot(plan)
        guard geteuid() != 0, !wanting.isEmpty, let elevation = configuration.elevation else { return nil }
        let names = wanting.map(\.rawValue).joined(separator: ", ")
        return "\(names) \(wanting.count == 1 ? "needs" : "need") root: \(elevation.program) asks once in a run, and"
            + " starts update-all-helper"
    }

    /// The plugins of a plan that have steps for root, or have something run as root, in its order.
    private func needingRoot(_ plan: Plan) -> [PluginName] {
        let root = ((try? Account.numbered(0)) ?? nil)?.name ?? "root"
        return plan.steps.filter { $0.runAs == root || !sudoPrograms(of: $0.id.plugin).isEmpty }.map(\.id.plugin)
            .reduce(into: []) { names, name in
                if !names.contains(name) { names.append(name) }
            }
    }

    private func sudoPrograms(of plugin: PluginName) -> [String] {
        lastFacts?.facts.first { $0.name == plugin }.map { planner.sudoPrograms(of: $0) } ?? []
    }

    private func whyRoot(_ plugin: PluginName) -> String {
        let programs = sudoPrograms(of: plugin)
        if !programs.isEmpty { return "its sudo runs \(programs.joined(separator: ", "))" }
        let manifest = lastFacts?.facts.first { $0.name == plugin }?.plugin.manifestPath
        return manifest.map { "run_as = \"root\" in \($0), or in the policy" } ?? "the policy says so"
    }

    private func result(of attempt: ElevationAttempt) async -> Result<HelperClient, Elevation.Failure> {
        while await waitForInput(on: attempt.descriptors) {
            do throws(Elevation.Failure) {
                if let client = try attempt.advance() { return .success(client) }
            } catch {
                return .failure(error)
            }
        }
        attempt.breakOff()
        return .failure(.denied(""))
    }

    /// Why a program may not be started as root; `nil` where it may.
    private func distrust(_ path: String) -> String? {
        do throws(Errno) {
            return TrustRefusal.first(in: try pathComponents(of: path))?.description
        } catch {
            return "\(path) cannot be checked: \(error)"
        }
    }
}
