// Promises of the reader of manifests, and of all that reads TOML.

import PluginInvocation
import PluginManifests
import TomlDocument
import UpdateModel

func checkManifest(_ input: [UInt8]) throws(BrokenPromise) {
    let manifest: Manifest
    do {
        manifest = try Manifest(parsing: input, file: "apt.toml", name: PluginName("apt")!)
    } catch {
        return try checkDiagnostics(error, of: input)
    }
    let (others, directories) = (manifest.requires + manifest.after + manifest.conflicts, manifest.path)
    try promise(!others.contains(manifest.name), "no plugin waits for itself")
    try promise(
        directories.allSatisfy { $0.hasPrefix("/") || $0.hasPrefix("~/") }, "directories are absolute or in a home")
    try promise(manifest.sudoPrograms?.allSatisfy { $0.hasPrefix("/") } ?? true, "programs for sudo are absolute")
    try promise(manifest.timeouts.values.allSatisfy { $0 > .zero }, "a timeout is above 0")
    try promise(
        manifest.demand.values.allSatisfy { ($0.cpus ?? 1) > 0 && ($0.memory?.bytes ?? 0) >= 0 },
        "a demand is not negative")

    // What execve takes: a NUL would cut it, a = would make another variable of it.
    let settings = manifest.settings.map { EnvironmentVariable($0.variableName(of: manifest.name), $0.value) }
    for variable in manifest.environment + settings {
        try promise(!variable.description.utf8.contains(0), "a variable has no NUL in it")
        try promise(!variable.name.isEmpty && !variable.name.utf8.contains(0x3D), "the name of a variable is one")
    }
    let reserved = manifest.environment.map(\.name).filter { $0.hasPrefix("UPDATE_ALL_") || $0 == "TMPDIR" }
    try promise(reserved.isEmpty, "what update-all sets is not set by a manifest")
    try promise(Set(settings.map(\.name)).count == settings.count, "every setting has a variable of its own")
}

/// - Parameter text: all that was read, with everything the findings may quote.
func checkDiagnostics(_ diagnostics: Diagnostics, of text: [UInt8]) throws(BrokenPromise) {
    try promise(!diagnostics.list.isEmpty, "what is refused is refused for a reason")
    let lines = text.count { $0 == 0x0A } + 1
    for finding in diagnostics.list {
        try promiseHarmless(finding.description)
        guard let position = finding.position else { continue }
        try promise(position.line >= 1 && position.column >= 1, "a position counts from 1: \(finding)")
        try promise(position.line <= lines, "a position is one of the text: \(finding)")
        try promise(position.column <= text.count + 1, "a position is one of the text: \(finding)")
    }
    // The shortest mistakes are list elements of two bytes; the longest messages name a dozen choices.
    let size = diagnostics.list.reduce(0) { $0 + $1.message.utf8.count }
    try promise(size <= 4096 + 256 * text.count, "findings are bounded: \(size) bytes for \(text.count)")
}
