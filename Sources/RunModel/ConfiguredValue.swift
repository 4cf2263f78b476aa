// One value that somebody chose, with the place where it stands, for people and programs that ask why it holds.

import UpdateModel

public struct ConfiguredValue: Hashable, Sendable {
    /// Dotted: `plugin.apt.dist_upgrade`. As in TOML, a name with dots is quoted.
    public var key: String
    public var value: String
    /// The kind of place: `built-in`, `etc`, `user`, `config`, `command-line`, `manifest`.
    public var layer: String
    /// A path, an option, or `built-in`.
    public var file: String
    /// From 1; `nil` where it is in no file, or in one that is not read by lines.
    public var line: Int?

    public init(key: String, value: String, layer: String, file: String, line: Int?) {
        self.key = key
        self.value = value
        self.layer = layer
        self.file = file
        self.line = line
    }

    /// `FILE:LINE`, as editors take it.
    public var place: String { line.map { "\(file):\($0)" } ?? file }
}
