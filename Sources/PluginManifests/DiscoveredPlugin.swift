// A plugin that was found, with or without a manifest, and the places where plugins are.

import UpdateModel

public struct DiscoveredPlugin: Hashable, Sendable {
    public var name: PluginName
    /// The place it was found in.
    public var directory: String
    public var executable: String
    public var manifest: Manifest?
    public var manifestPath: String?
    /// Whether it answers commands. One that does not may do its work whatever it is called with: nothing is asked of
    /// it, and it runs as a plain `update` step only.
    public var speaksProtocol: Bool
    /// Whether `update --dry-run` may be called.
    public var allowsDryRun: Bool
    /// Whether `estimate-update` is a command of it, so that its exit code 1 is an answer and not the way in which a
    /// script says that it does not know the word.
    public var knowsEstimate: Bool
    /// Whether it can be asked to update itself.
    public var offersSelfUpdate: Bool
    /// Whether what it downloads keeps to the rate that it is told.
    public var keepsDownloadRate: Bool { manifest?.keepsDownloadRate ?? false }
    /// Whether it can be asked whether what it looks after is in order.
    public var offersValidation: Bool

    public init(
        name: PluginName, directory: String, executable: String, manifest: Manifest?, manifestPath: String?,
        mentions: Mentions
    ) {
        self.name = name
        self.directory = directory
        self.executable = executable
        self.manifest = manifest
        self.manifestPath = manifestPath
        speaksProtocol = manifest != nil || mentions.contains(.isApplicable)
        allowsDryRun = manifest?.dryRun ?? (speaksProtocol && mentions.contains(.dryRun))
        knowsEstimate = manifest?.estimate ?? mentions.contains(.estimateUpdate)
        offersSelfUpdate = manifest?.selfUpdate ?? (speaksProtocol && mentions.contains(.selfUpdate))
        offersValidation = manifest?.validate ?? (speaksProtocol && mentions.contains(.validate))
    }
}

/// Words of the protocol that a file contains.
public struct Mentions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `is-applicable`
    public static let isApplicable = Mentions(rawValue: 1)
    /// `--dry-run`
    public static let dryRun = Mentions(rawValue: 2)
    /// `estimate-update`
    public static let estimateUpdate = Mentions(rawValue: 4)
    /// `self-update`
    public static let selfUpdate = Mentions(rawValue: 8)
    /// `validate`
    public static let validate = Mentions(rawValue: 16)
}

/// The places for plugins, in order of precedence, the last one first in rank.
/// - Parameters:
///   - share: `PREFIX/share/update-all`; `nil` for a program that runs from its build folder.
///   - configurationHome: `$XDG_CONFIG_HOME`, or `~/.config` where that is not set. Not absolute, it is ignored
///     (XDG Base Directory Specification).
///   - pluginPath: `$UPDATE_ALL_PLUGIN_PATH`.
///   - only: what `--plugin-dir` says; not empty: it replaces all others.
public func pluginPlaces(
    share: String?, configurationHome: String?, pluginPath: String?, only: [String]
) -> [String] {
    guard only.isEmpty else { return only }
    let fixed = [
        share.map { "\($0)/plugins" }, "/etc/update-all/plugins.d",
        configurationHome.flatMap { $0.hasPrefix("/") ? $0 : nil }.map { "\($0)/update-all/plugins.d" },
    ]
    return fixed.compactMap(\.self) + (pluginPath ?? "").split(separator: ":").map(String.init)
}
