// What a person may choose of how a run is shown: on the command line, or in the configuration.

import UpdateModel

/// The values of `--ui`.
public enum DisplayChoice: String, Sendable, CaseIterable { case auto, compact, plain, json, quiet }

/// The values of `--color`.
public enum ColourChoice: String, Sendable, CaseIterable { case auto, always, never }
