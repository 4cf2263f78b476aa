// Where values of a configuration come from, and so who wins.

import TomlDocument

/// The kinds of layers, from the weakest to the strongest.
public enum ConfigurationLayer: String, Sendable, Comparable, CaseIterable {
    /// Compiled in.
    case builtIn = "built-in"
    /// The administrator's file in `/etc`.
    case etc
    /// The user's file.
    case user
    /// What `--config` names; it takes the place of the administrator's and the user's.
    case file = "config"
    /// Options such as `--policy`.
    case commandLine = "command-line"

    public static func < (left: Self, right: Self) -> Bool {
        allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
}

/// The text of one configuration file.
public struct ConfigurationText: Hashable, Sendable {
    public var layer: ConfigurationLayer
    /// Its name as it is shown to people; relative paths in it start from its folder.
    public var file: String
    /// UTF-8.
    public var bytes: [UInt8]

    public init(layer: ConfigurationLayer, file: String, bytes: [UInt8]) {
        self.layer = layer
        self.file = file
        self.bytes = bytes
    }
}

/// Where a value was given: `/etc/update-all/config.toml:7`, `--policy`, `built-in`.
public struct ConfigurationOrigin: Hashable, Sendable, CustomStringConvertible {
    public let layer: ConfigurationLayer
    /// A path, or the option.
    public let file: String
    /// Of the value; `nil` where it is in no file.
    public let position: TextPosition?

    public init(layer: ConfigurationLayer, file: String, position: TextPosition? = nil) {
        self.layer = layer
        self.file = file
        self.position = position
    }

    public static let builtIn = ConfigurationOrigin(layer: .builtIn, file: "built-in")

    public var description: String { position.map { "\(file):\($0.line)" } ?? file }

    /// A finding about what was given here.
    public func diagnostic(_ message: String) -> Diagnostic {
        Diagnostic(file: file, position: position, message: message)
    }
}

/// A value with the place that it was given at.
public struct Configured<Value: Hashable & Sendable>: Hashable, Sendable {
    public let value: Value
    public let origin: ConfigurationOrigin

    public init(_ value: Value, _ origin: ConfigurationOrigin) {
        self.value = value
        self.origin = origin
    }

    func map<Other>(_ convert: (Value) -> Other) -> Configured<Other> { Configured<Other>(convert(value), origin) }
}
