// The configuration as other programs read it (docs/configuration.md, "config show").

import JSONDocument
import RunModel

/// Appends an array of values with their places as one line.
public func appendLine(of values: [ConfiguredValue], to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginArray()
    for value in values {
        writer.beginObject()
        writer.write("key", value.key)
        writer.write("value", value.value)
        writer.write("layer", value.layer)
        writer.write("file", value.file)
        writer.writeIfPresent("line", value.line.map { Int64($0) })
        writer.endObject()
    }
    writer.endArray()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}
