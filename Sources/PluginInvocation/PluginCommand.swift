// The commands that a plugin answers.

import UpdateModel

/// The first argument of a plugin's executable.
public enum PluginCommand: String, Sendable, CaseIterable, CustomStringConvertible {
    case isApplicable = "is-applicable"
    case estimateUpdate = "estimate-update"
    case canSeparateDownload = "can-separate-download"
    case estimateDownload = "estimate-download"
    case download
    case update
    case doesRequireSudo = "does-require-sudo"
    case sudoProgramsPaths = "sudo-programs-paths"
    case selfUpdate = "self-update"
    case selfUpgrade = "self-upgrade"
    case version
    case validate
    case runsAfter = "runs-after"
    case getDependency = "get-dependency"
    case getMutexes = "get-mutexes"
    case estimateUpdateMutexes = "estimate-update-mutexes"
    case downloadMutexes = "download-mutexes"
    case updateMutexes = "update-mutexes"
    case estimateUpdateDependency = "estimate-update-dependency"
    case downloadDependency = "download-dependency"
    case updateDependency = "update-dependency"

    /// The command that does a phase's work.
    public init(doing phase: Phase) {
        switch phase {
        case .check: self = .estimateUpdate
        case .download: self = .download
        case .execute: self = .update
        }
    }

    public var description: String { rawValue }

    /// As a manifest writes it: `estimate_update`.
    public var manifestKey: String { rawValue.replacing("-", with: "_") }

    /// The phase in which it runs. All that only ask belong to `check`.
    public var phase: Phase {
        switch self {
        case .download: .download
        case .update: .execute
        default: .check
        }
    }
}
