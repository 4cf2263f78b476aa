// Where things are kept: the table "Files" of docs/contract.md.

import Glibc
import LinuxSystem
import PluginInvocation
import SystemPackage
import UpdateModel

/// The directories and files of one invocation.
public struct Places: Sendable, Hashable {
    /// Lock, history, reports of dead runs.
    public var state: String
    /// `runs/RUN/…` are below it.
    public var logs: String
    /// The administrator's or the person's own policy.
    public var userPolicy: String?
    /// The same of the configuration.
    public var userConfiguration: String?
    /// `/etc/update-all`.
    public var system = "/etc/update-all"
    /// `PREFIX/share/update-all` of an installed program, or the source tree's root of one that is run from `.build`.
    public var share: String?
    /// Plugin directories, the later ones overriding the earlier.
    public var pluginDirectories: [String]
    /// Where the companions are.
    public var guardian: String?
    public var helper: String?
    /// The directory in which steps find our `sudo`.
    public var sudo: String?
    public var isSystemWide: Bool

    /// - Parameters:
    ///   - environment: of this process.
    ///   - executable: absolute path of this program.
    ///   - stateDirectory: `--state-dir`; state and logs are both in it.
    ///   - pluginDirectories: `--plugin-dir`; they replace every other place.
    public init(
        environment: [String: String], executable: String, userID: UInt32, home: String, stateDirectory: String?,
        pluginDirectories: [String]
    ) {
        isSystemWide = userID == 0
        func xdg(_ variable: String, _ fallback: String) -> String {
            // The specification wants relative paths ignored.
            environment[variable].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(home)/\(fallback)"
        }
        let configurationHome = xdg("XDG_CONFIG_HOME", ".config")
        if let stateDirectory {
            state = stateDirectory
            logs = stateDirectory
        } else if isSystemWide {
            state = "/var/lib/update-all"
            logs = "/var/log/update-all"
        } else {
            state = "\(xdg("XDG_STATE_HOME", ".local/state"))/update-all"
            logs = state
        }
        userPolicy = isSystemWide ? nil : "\(configurationHome)/update-all/policy.toml"
        userConfiguration = isSystemWide ? nil : "\(configurationHome)/update-all/config.toml"

        let folder = executable.split(separator: "/").dropLast()
        let beside = "/" + folder.joined(separator: "/")
        let prefix = "/" + folder.dropLast().joined(separator: "/")
        let isInstalled = folder.last == "bin" && !folder.contains(".build")
        func companion(_ name: String) -> String? {
            ["\(beside)/\(name)", "\(prefix)/libexec/update-all/\(name)"].first { access($0, X_OK) == 0 }
        }
        guardian = companion("update-all-guardian")
        helper = companion("update-all-helper")
        sudo = companion("shim/sudo").map { String($0.dropLast("/sudo".count)) }
        share = isInstalled ? "\(prefix)/share/update-all" : Self.sourceTree(above: folder)

        self.pluginDirectories = pluginPlaces(
            share: isInstalled ? share : nil, configurationHome: isSystemWide ? nil : configurationHome,
            pluginPath: environment["UPDATE_ALL_PLUGIN_PATH"], only: pluginDirectories)
    }

    /// The directory that has `policies/` and is not far above the build folder.
    private static func sourceTree(above folder: some Collection<Substring>) -> String? {
        var parts = Array(folder)
        for _ in 0..<4 where !parts.isEmpty {
            parts.removeLast()
            let candidate = "/" + parts.joined(separator: "/")
            if access("\(candidate)/policies", F_OK) == 0 { return candidate }
        }
        return nil
    }

    /// The shipped policy that is in force where nobody chose one.
    public var defaultPolicy: String { isSystemWide ? "shared-server" : "workstation" }

    /// Shipped policies.
    public var policies: String? { share.map { "\($0)/policies" } }

    public func runDirectory(_ run: RunID) -> String { "\(logs)/runs/\(run)" }
}
