// Promises of the readers of JSON: of any, of events, and of the documents that are files.

import Interchange
import JSONDocument
import RunModel
import UpdateModel

func checkJSON(_ input: [UInt8]) throws(BrokenPromise) {
    try checkValue(input)
    switch Result(catching: { () throws(EventDecodingError) in try decodeEvent(input) }) {
    case .success(let event): try checkEvent(event)
    case .failure(let error): try promiseHarmless(error.description)
    }
    switch Result(catching: { () throws(JSONError) in try readPlan(input) }) {
    case .success(let plan):
        var line: [UInt8] = []
        appendLine(of: plan, to: &line)
        try promiseSame(plan, try? readPlan(line), "a plan")
    case .failure(let error): try promiseHarmless(error.description)
    }
    switch Result(catching: { () throws(JSONError) in try readPeakRecord(input) }) {
    case .success(let record):
        var (line, second): ([UInt8], [UInt8]) = ([], [])
        appendLine(of: record, to: &line)
        if let again = try? readPeakRecord(line) { appendLine(of: again, to: &second) }
        try promiseSame(line, second, "a record of earlier runs")
    case .failure(let error): try promiseHarmless(error.description)
    }
    // What its errors quote is made harmless where it is printed.
    _ = try? readProblem(input)
}

/// A text is taken or refused with the same error whether it is read or passed over, and written again it says the same.
private func checkValue(_ input: [UInt8]) throws(BrokenPromise) {
    let read = Result { () throws(JSONError) in try JSONValue(parsing: input) }
    let skipped = Result { () throws(JSONError) in
        var reader = JSONReader(input)
        try reader.skipValue()
        try reader.finish()
    }
    try promiseSame(read.map { _ in true }, skipped.map { true }, "what is passed over")
    switch read {
    case .success(let value):
        let text = written(value)
        try promise(text.count <= 6 * input.count + 32, "a value is written as long as it was, but for escapes")
        try promiseSame(text, (try? JSONValue(parsing: text)).map(written), "a JSON value")
    case .failure(let error):
        try promise((0...input.count).contains(error.offset), "an error is at a place in the text")
        try promise(error.line >= 1 && error.column >= 1, "a position counts from 1")
        try promiseHarmless(error.description)
    }
}

private func written(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.write(value)
    return writer.bytes
}

private func checkEvent(_ event: Event) throws(BrokenPromise) {
    var line: [UInt8] = []
    appendLines(of: event, run: RunID(start: event.timestamp, processID: 1), to: &line)
    try promise(line.firstIndex(of: 0x0A) == line.count - 1, "an event is one line")
    try promiseSame(event, try? decodeEvent(line), "an event")
}
