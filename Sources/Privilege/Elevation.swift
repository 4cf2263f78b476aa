// Starting the helper as root: once, on the person's own terminal, before anything is drawn on it.

import Glibc
import HelperProtocol
import LinuxSystem
import PluginInvocation
import RunModel
import SystemPackage
import UpdateModel

/// How this machine lets a person become root, and what is started then.
public struct Elevation: Sendable, Hashable {
    public let method: ElevationMethod
    /// Of the method.
    public let program: String
    /// The path of `update-all-helper`.
    public let helper: String

    public init(method: ElevationMethod, program: String, helper: String) {
        self.method = method
        self.program = program
        self.helper = helper
    }

    /// The way that this machine has; `nil` where it has none, or the helper is not there.
    /// - Parameter choice: what the configuration says; `nil`: the first that is here.
    public static func available(_ choice: ElevationMethod?, helper: String?) -> Elevation? {
        guard let helper, let method = choice ?? ElevationMethod.available, let program = method.program else {
            return nil
        }
        return Elevation(method: method, program: program, helper: helper)
    }

    /// Where plugins are that the helper runs as root.
    public var pluginDirectories: [String] {
        // PREFIX/libexec/update-all/update-all-helper
        let prefix = "/" + helper.split(separator: "/").dropLast(3).joined(separator: "/")
        return pluginPlaces(share: "\(prefix)/share/update-all", configurationHome: nil, pluginPath: nil, only: [])
    }

    /// What was not to be had without somebody who answers, or at all.
    public enum Failure: Error, Hashable {
        /// It would have to ask.
        case mustAsk
        /// What it said, its last line; empty where it has said it on the terminal itself.
        case denied(String)
    }

    /// Begins without asking anybody; `nil` where the method cannot be kept from asking.
    /// - Parameters:
    ///   - hasTerminal: whether this process has one.
    ///   - callback: a directory of ours alone, for the socket of a helper that does not get ours.
    public func beginSilently(
        _ run: RunID, hasTerminal: Bool, callback: String?
    ) throws(Errno) -> ElevationAttempt? {
        let command = method.silentCommand(program, helper: helper, hasTerminal: hasTerminal)
        return try command.map { command throws(Errno) in
            try ElevationAttempt(command, run: run, callback: callback, isSilent: true)
        }
    }

    /// Begins by asking on the terminal, of which this process must be in the foreground.
    /// - Parameters:
    ///   - purpose: what it is for, as the prompt says it; without a percent sign.
    ///   - callback: a directory of ours alone, for the socket of a helper that does not get ours.
    public func beginAsking(
        _ run: RunID, purpose: String, callback: String?
    ) throws(Errno) -> ElevationAttempt {
        let agent = method == .pkexec ? TerminalAgent() : nil
        let command = method.askingCommand(program, helper: helper, prompt: purpose, hasAgent: agent != nil)
        return try ElevationAttempt(command, run: run, callback: callback, isSilent: false, agent: agent)
    }
}
