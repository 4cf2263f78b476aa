// How long the commands of a plugin may take, and how much they may say.

import PluginInvocation
import UpdateModel

extension PluginCommand {
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
