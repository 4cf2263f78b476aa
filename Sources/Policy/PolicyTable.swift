// The tables of a policy: what a value is about.

import UpdateModel

/// A table of the merged policy; the weaker come first.
public enum PolicyTable: Hashable, Sendable, Comparable {
    /// The keys before the first header.
    case document
    case run, hooks, protect, window, log
    /// `[step]`, `[step.download]`.
    case step(Phase?)
    /// `[plugin.apt]`, `[plugin.apt.execute]`.
    case plugin(PluginName, Phase?)

    /// The tables with a fixed name.
    package static let named: [String: PolicyTable] = [
        "run": .run, "hooks": .hooks, "protect": .protect, "window": .window, "log": .log,
    ]

    /// As in `--set`, before the key: `plugin.apt.execute`; empty for the document. As in TOML, a name with dots is
    /// quoted: `plugin."my.tool"`.
    public var dottedName: String {
        switch self {
        case .document: ""
        case .run: "run"
        case .hooks: "hooks"
        case .protect: "protect"
        case .window: "window"
        case .log: "log"
        case .step(let phase): "step" + Self.suffix(phase)
        case .plugin(let name, let phase):
            "plugin." + (name.rawValue.contains(".") ? "\"\(name)\"" : name.rawValue) + Self.suffix(phase)
        }
    }

    private static func suffix(_ phase: Phase?) -> String { phase.map { ".\($0)" } ?? "" }

    /// As in a file: `[plugin.apt.execute]`.
    public var header: String { "[\(dottedName)]" }

    /// ` in [run]` for the end of a message; nothing for the document.
    var place: String { self == .document ? "" : " in \(header)" }

    public static func < (left: Self, right: Self) -> Bool { left.order < right.order }

    private var order: (Int, String, Int) {
        func rank(_ phase: Phase?) -> Int { phase.flatMap { Phase.allCases.firstIndex(of: $0) }.map { $0 + 1 } ?? 0 }
        return switch self {
        case .document: (0, "", 0)
        case .run: (1, "", 0)
        case .hooks: (2, "", 0)
        case .protect: (3, "", 0)
        case .window: (4, "", 0)
        case .log: (5, "", 0)
        case .step(let phase): (6, "", rank(phase))
        case .plugin(let name, let phase): (7, name.rawValue, rank(phase))
        }
    }
}
