// The events of a run as other programs read them: one JSON object a line (docs/contract.md, "Events").

import JSONDocument
import RunModel
import UpdateModel

/// Appends the line of `event`, or one line for each line of a batch of output, each with its own `seq`.
/// What is `nil` is left out.
public func appendLines(of event: Event, run: RunID, to bytes: inout [UInt8]) {
    if case .output(let lines) = event.body {
        appendOutput(lines, of: event, run: run, to: &bytes)
        return
    }
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.writeHead(of: event, run: run)
    writer.writeMembers(of: event.body)
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

private let endOfLine = Array("}\n".utf8)
private let endOfPartial = Array(",\"partial\":true}\n".utf8)

/// Output is nearly all of what a run says. Of its lines only the `seq` and the text differ within a batch, so that
/// the rest is made once and copied.
private func appendOutput(_ lines: OutputLines, of event: Event, run: RunID, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    writer.bytes.reserveCapacity(256)
    writer.beginObject()
    writer.write("type", event.body.type.rawValue)
    writer.write("run", run.rawValue)
    writer.key("seq")
    let head = writer.bytes
    writer.write(0 as Int64)  // one digit, whose place each line's number takes
    writer.writeOrigin(of: event)
    writer.write("phase", lines.phase.rawValue)
    writer.write("stream", lines.stream.rawValue)
    writer.key("line")
    let middle = Array(writer.bytes[(head.count + 1)...])

    let partial = Set(lines.partial)
    let text = lines.bytes.span
    var start = 0
    for index in lines.ends.indices {
        let next = Int(lines.ends[index])
        bytes.append(contentsOf: head)
        bytes.appendDecimal(event.seq + UInt64(index))
        bytes.append(contentsOf: middle)
        bytes.appendJSONString(text.extracting(start..<next))
        bytes.append(contentsOf: !partial.isEmpty && partial.contains(Int32(index)) ? endOfPartial : endOfLine)
        start = next
    }
}

extension JSONWriter {
    fileprivate mutating func writeHead(of event: Event, run: RunID) {
        write("type", event.body.type.rawValue)
        write("run", run.rawValue)
        // What stands for lost output has no number of its own.
        if case .dropped = event.body {
        } else {
            key("seq")
            write(event.seq)
        }
        writeOrigin(of: event)
    }

    fileprivate mutating func writeOrigin(of event: Event) {
        write("timestamp", event.timestamp.rfc3339)
        writeIfPresent("plugin", event.plugin?.rawValue)
    }
}
