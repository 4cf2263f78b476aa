// A plugin that was found, with or without a manifest.

import PluginInvocation
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

    /// What calls of it need.
    public var program: PluginProgram {
        PluginProgram(
            name: name, executable: executable, manifest: manifest?.invocation, manifestPath: manifestPath,
            allowsDryRun: allowsDryRun)
    }
}

extension Invocation {
    /// - Parameter dryRun: of `update` only, and only where the plugin `allowsDryRun`.
    public init(
        _ command: PluginCommand, of plugin: DiscoveredPlugin, dryRun: Bool = false, in context: InvocationContext
    ) {
        self.init(command, of: plugin.program, dryRun: dryRun, in: context)
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
