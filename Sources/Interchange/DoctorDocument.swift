// What a machine has of what a run uses, as other programs read it (docs/contract.md, "doctor --format json").

import JSONDocument
import RunModel

/// Appends the mechanisms as one line. `ready`: none is broken.
public func appendLine(of mechanisms: [Mechanism], hostName: String, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.write("version", Int64(1))
    writer.write("host", hostName)
    writer.write("ready", !mechanisms.contains { $0.state == .broken })
    writer.key("mechanisms")
    writer.beginArray()
    for mechanism in mechanisms {
        writer.beginObject()
        writer.write("name", mechanism.name)
        writer.write("state", mechanism.state.rawValue)
        writer.write("finding", mechanism.finding)
        writer.writeIfPresent("loss", mechanism.loss)
        writer.writeIfPresent("mend", mechanism.mend)
        writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}
