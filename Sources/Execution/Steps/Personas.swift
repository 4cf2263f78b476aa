// As whom a step runs: the account behind `run_as`, for the person or root who called us.

import Glibc
import LinuxSystem
import PluginInvocation
import PluginManifests
import RunModel
import Spawning
import SystemPackage
import UpdateModel

/// The account that a step gets.
struct Persona: Hashable, Sendable {
    var account: Account
    /// Whether it is another one than ours, so that privileges must be dropped to it.
    var needsChange: Bool
    var path: String
}

/// Why a step cannot run as the account it is for.
struct PersonaRefusal: Error, Equatable {
    var outcome: Outcome
    /// As a clause.
    var reason: String
}

/// Chooses accounts. Each is looked up once, since that can mean asking a directory server. For one thread at a time.
final class Personas {
    private let user: Account
    /// Who called sudo or its like, where we are root for a person.
    private let caller: Account?
    /// The same as the environment has it, where no account is that: nothing then runs in their place.
    private let unknownCaller: String?
    private let callerPath: String
    private var owners: [UInt32: Account?] = [:]
    private var named: [String: Account?] = [:]
    /// Files and directories that were found to be safe to run as root.
    private var trusted: Set<String> = []
    /// Where plugins are that a helper runs as root for us, who are not; empty: nobody does.
    var helpedDirectories: [String] = []

    /// - Throws: where our own account is unknown.
    init(environment: [String: String]) throws(RunError) {
        let id = geteuid()
        guard let user = (try? Account.numbered(id)) ?? nil else {
            throw RunError(
                .failure,
                "the user with the number \(id) has no account here: add one to /etc/passwd, or run as another")
        }
        self.user = user
        callerPath = environment["PATH"] ?? securePath
        let calling = id == 0 ? callingAccount(environment) : nil
        caller = calling.flatMap { text in
            if let number = UInt32(text) { return (try? Account.numbered(number)) ?? nil }
            return (try? Account.named(text)) ?? nil
        }
        unknownCaller = caller == nil ? calling : nil
    }

    var ownName: String { user.name }
    /// Root runs update-all.
    var areRoots: Bool { user.user == 0 }
    var ownHome: String { user.home }

    /// The account of a step of `plugin`.
    /// - Parameters:
    ///   - pin: the SHA-256 that its executable must have.
    ///   - isHelped: a helper starts it, or will: as root, too.
    /// - Throws: where this process cannot become that account, or the plugin may not run as it.
    func persona(
        _ runAs: RunAs, for plugin: DiscoveredPlugin, pin: String? = nil, isHelped: Bool = false
    ) throws(PersonaRefusal) -> Persona {
        let persona = try trustedPersona(runAs, for: plugin, isHelped: isHelped)
        if let pin, let refusal = mismatch(of: plugin, pin: pin) {
            throw PersonaRefusal(outcome: .failed, reason: refusal)
        }
        return persona
    }

    private func trustedPersona(
        _ runAs: RunAs, for plugin: DiscoveredPlugin, isHelped: Bool
    ) throws(PersonaRefusal) -> Persona {
        guard user.user == 0 else {
            if runAs == .root, isHelped, !helpedDirectories.isEmpty { return try helpedPersona(for: plugin) }
            if runAs == .invokingUser || runAs == .named(user.name) {
                return persona(of: user, for: plugin)
            }
            throw PersonaRefusal(
                outcome: .needsAuth, reason: "it runs as \(runAs); run update-all as root, with sudo for example")
        }
        let account = try account(runAs, for: plugin)
        if account.user == 0, let refusal = distrust(plugin) {
            throw PersonaRefusal(outcome: .failed, reason: refusal)
        }
        return persona(of: account, for: plugin)
    }

    /// Root, for a plugin that a helper knows.
    private func helpedPersona(for plugin: DiscoveredPlugin) throws(PersonaRefusal) -> Persona {
        guard helpedDirectories.contains(plugin.directory), plugin.manifest != nil else {
            let places = helpedDirectories.joined(separator: " or ")
            throw PersonaRefusal(
                outcome: .needsAuth,
                reason: "it runs as root, which for a person only a plugin with a manifest in \(places) may;"
                    + " run update-all as root, with sudo for example")
        }
        if let refusal = distrust(plugin) { throw PersonaRefusal(outcome: .failed, reason: refusal) }
        let root = try known((try? Account.numbered(0)) ?? nil, "root")
        return Persona(account: root, needsChange: true, path: securePath)
    }

    private func persona(of account: Account, for plugin: DiscoveredPlugin) -> Persona {
        let directories = [path] + programDirectories(of: plugin, as: account)
        return Persona(
            account: account, needsChange: account.user != user.user, path: directories.joined(separator: ":"))
    }

    /// The account that may change a plugin: the owner of its files, and nobody else for them.
    /// - Throws: where that is somebody else and we are not root, or its files belong to several.
    func owner(of plugin: DiscoveredPlugin) throws(PersonaRefusal) -> RunAs {
        var owner: (path: String, number: UInt32)?
        for path in [plugin.executable, plugin.manifestPath].compactMap(\.self) {
            guard let number = (try? status(path))?.st_uid else {
                throw PersonaRefusal(outcome: .failed, reason: "\(path) is gone")
            }
            if let owner, owner.number != number {
                throw PersonaRefusal(
                    outcome: .failed,
                    reason: "\(owner.path) and \(path) belong to different accounts: give both to one (chown)")
            }
            owner = (path, number)
        }
        guard let owner else { preconditionFailure("every plugin has an executable") }
        if owner.number == 0, user.user == 0 { return .root }
        if user.user == 0 { try requireThatOnlyOwnersChange(plugin.executable, owner.number) }
        let account = try known((try? Account.numbered(owner.number)) ?? nil, "the owner of \(owner.path)")
        guard user.user == 0 || account.user == user.user else {
            throw PersonaRefusal(
                outcome: .needsAuth,
                reason: "\(owner.path) belongs to \(account.name): run update-all as root, with sudo for example")
        }
        return .named(account.name)
    }

    /// The path in which programs are looked for, before a person's own directories.
    var path: String { user.user == 0 ? securePath : callerPath }

    /// Where the programs of a plugin may be besides on that path, before it is known as whom its steps run.
    func programDirectories(of plugin: DiscoveredPlugin) -> [String] {
        let runAs = plugin.manifest?.runAs ?? .invokingUser
        let account = user.user == 0 ? try? account(runAs, for: plugin) : user
        return account.map { programDirectories(of: plugin, as: $0) } ?? []
    }

    /// Where a person has programs. For root there are none: what others may write must not be found by it.
    private func programDirectories(of plugin: DiscoveredPlugin, as account: Account) -> [String] {
        guard account.user != 0 else { return [] }
        // Of a person who calls it directly the path is their own. ~/.local/bin: file-hierarchy(7).
        let own = user.user == 0 ? ["\(account.home)/.local/bin"] : []
        return (plugin.manifest?.programDirectories(home: account.home) ?? []) + own
    }

    private func account(_ runAs: RunAs, for plugin: DiscoveredPlugin) throws(PersonaRefusal) -> Account {
        switch runAs {
        case .root:
            return user
        case .invokingUser:
            if let caller { return caller }
            if let unknownCaller { return try known(nil, "the user \(unknownCaller), who became root for this run,") }
            // What only root can change is root's, and stays so.
            if trusted.contains(plugin.executable) { return user }
            let owner = (try? status(plugin.executable))?.st_uid ?? 0
            if owner == user.user { return user }
            let account = owners[owner] ?? (try? Account.numbered(owner)) ?? nil
            owners[owner] = .some(account)
            let known = try known(account, "the owner of \(plugin.executable)")
            try requireThatOnlyOwnersChange(plugin.executable, owner)
            return known
        case .named(let name):
            let account = named[name] ?? (try? Account.named(name)) ?? nil
            named[name] = .some(account)
            return try known(account, "\"\(name)\"")
        }
    }

    /// Whoever could put another file in its place could have it run as the one who owns it now.
    private func requireThatOnlyOwnersChange(_ path: String, _ owner: UInt32) throws(PersonaRefusal) {
        let components: [PathComponent]
        do throws(Errno) {
            components = try pathComponents(of: path)
        } catch {
            throw PersonaRefusal(outcome: .failed, reason: "\(path) cannot be checked: \(error)")
        }
        guard let refusal = TrustRefusal.first(in: components, for: owner) else { return }
        throw PersonaRefusal(outcome: .failed, reason: refusal.description)
    }

    private func known(_ account: Account?, _ whom: String) throws(PersonaRefusal) -> Account {
        guard let account else {
            throw PersonaRefusal(outcome: .failed, reason: "\(whom) has no account on this machine")
        }
        return account
    }

    /// Why a plugin may not run as root; `nil` where it may.
    func distrust(_ plugin: DiscoveredPlugin) -> String? {
        for path in [plugin.executable, plugin.manifestPath].compactMap(\.self) where !trusted.contains(path) {
            let parent = parentDirectory(of: path)
            do throws(Errno) {
                let components = try componentsToCheck(of: path)
                if let refusal = TrustRefusal.first(in: components) { return refusal.description }
                // What only root can change stays what it is for everybody else: it need not be looked at again. A
                // sticky directory must be, with each file in it.
                trusted.insert(path)
                if components.contains(where: { $0.path == parent && $0.mode & 0o1000 == 0 }) { trusted.insert(parent) }
            } catch {
                return "\(path) cannot be checked: \(error)"
            }
        }
        return nil
    }

    /// Something of root's own has changed files: all is looked at again.
    func forgetTrust() { trusted = [] }

    /// All components of a path; its last one alone where those above it are known to be root's.
    private func componentsToCheck(of path: String) throws(Errno) -> [PathComponent] {
        if trusted.contains(parentDirectory(of: path)) {
            let last = try pathComponent(path)
            if last.kind != .symbolicLink { return [last] }
        }
        return try pathComponents(of: path)
    }

    private func parentDirectory(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}
