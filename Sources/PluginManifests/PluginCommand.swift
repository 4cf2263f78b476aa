// The commands that a plugin answers, and what is known of each before it is given.

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

    /// Where the manifest sets none.
    public var defaultTimeout: Duration {
        switch self {
        case .update: .seconds(3600)
        case .download: .seconds(1800)
        case .selfUpdate, .selfUpgrade: .seconds(600)
        case .estimateUpdate, .estimateDownload: .seconds(120)
        case .validate: .seconds(60)
        default: .seconds(10)
        }
    }

    /// How much of its standard output is an answer; `nil` where it is not one but text for people.
    /// An estimate names every package of a machine, the other answers are short lists.
    public var answerLimit: ByteCount? {
        switch self {
        case .download, .update, .selfUpdate, .selfUpgrade, .validate: nil
        case .estimateUpdate, .estimateDownload: ByteCount(4 << 20)
        default: ByteCount(64 << 10)
        }
    }
}
