// What updates there are, as other programs read it (docs/contract.md, "check --format json").

import JSONDocument
import RunModel

/// Appends the check as one line.
public func appendLine(of check: UpdateCheck, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.write("version", Int64(1))
    writer.write("host", check.hostName)
    writer.write("updates_available", check.hasUpdates)
    writer.writeIfPresent("fetch_bytes", check.fetch?.bytes)
    writer.writeIfPresent("expected_seconds", check.expectedSeconds)
    writer.key("plugins")
    writer.beginArray()
    for plugin in check.plugins { writer.write(plugin) }
    writer.endArray()
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

extension JSONWriter {
    fileprivate mutating func write(_ check: PluginCheck) {
        beginObject()
        write("plugin", check.plugin.rawValue)
        write("state", check.state.rawValue)
        writeIfPresent("reason", check.reason)
        if check.state == .updates {
            key("packages")
            beginArray()
            for package in check.packages {
                beginObject()
                write("name", package.name)
                writeIfPresent("from", package.from)
                writeIfPresent("to", package.to)
                writeIfPresent("fetch_bytes", package.fetch?.bytes)
                endObject()
            }
            endArray()
            writeIfPresent("package_count", check.packageCount)
            writeIfPresent("security_updates", check.securityUpdates)
            writeIfPresent("fetch_bytes", check.fetch?.bytes)
            writeIfPresent("expected_seconds", check.duration?.inSeconds)
            if check.requiresReboot { write("reboot_required", true) }
        }
        endObject()
    }
}
