// By what a person becomes root.

import UpdateModel

/// A program that starts another as root, once the person has shown who they are; in the order in which they are looked for.
public enum ElevationMethod: String, Sendable, CaseIterable { case sudo, doas, run0, pkexec }
