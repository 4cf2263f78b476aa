// What may be sent to an output, from what it is, the environment and the command line.

import RunModel

/// What a display may use.
public struct TerminalCapabilities: Sendable, Hashable {
    /// The cursor can be moved, so that lines can be drawn again.
    public let movesCursor: Bool
    public let hasColour: Bool

    /// - Parameters:
    ///   - term: `TERM`; a terminal without it, or with `dumb`, moves no cursor and has no colours.
    ///   - noColor: `NO_COLOR`: no colours where it is set and not empty (no-color.org), unless `choice` is `always`.
    public init(isTerminal: Bool, term: String?, noColor: String?, choice: ColourChoice) {
        let isSmart = isTerminal && !["", "dumb", "unknown"].contains(term ?? "")
        movesCursor = isSmart
        hasColour =
            switch choice {
            case .always: true
            case .never: false
            case .auto: isSmart && (noColor ?? "").isEmpty
            }
    }
}
