// What a step is expected to use, by what its manifest, an estimate or earlier runs say.

import UpdateModel

/// Who says what a step is expected to use.
public enum DemandSource: String, Sendable, CaseIterable {
    /// The plugin, of this very update.
    case estimate
    /// The plugin's manifest, of any update.
    case manifest
    /// What earlier runs peaked at.
    case record
}

/// What a step is expected to use while it runs.
public struct Demand: Hashable, Sendable {
    public var cpus: Double?
    public var memory: ByteCount?
    /// Units of the downloads pool; every download phase holds one.
    public var downloads: Int
    /// Who says the CPUs and the memory; `nil`: they are not known.
    public var cpusSource: DemandSource?
    public var memorySource: DemandSource?

    public init(
        cpus: Double? = nil, memory: ByteCount? = nil, downloads: Int = 0, cpusSource: DemandSource? = nil,
        memorySource: DemandSource? = nil
    ) {
        self.cpus = cpus
        self.memory = memory
        self.downloads = downloads
        self.cpusSource = cpusSource
        self.memorySource = memorySource
    }
}
