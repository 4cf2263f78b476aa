// Promises of what is read from a run's control socket, by both sides.

import Interchange

func checkControl(_ input: [UInt8]) throws(BrokenPromise) {
    switch Result(catching: { () throws(EventDecodingError) in try ControlRequest(input) }) {
    case .success(let request):
        try checkLine(request.line, atMost: input.count)
        try promiseSame(request, try? ControlRequest(request.line), "a request")
    case .failure(let error):
        try promiseHarmless(error.description)
    }
    switch Result(catching: { () throws(EventDecodingError) in try ControlReply(input) }) {
    case .success(let reply):
        try checkLine(reply.line, atMost: input.count)
        try promiseSame(reply, try? ControlReply(reply.line), "a reply")
    case .failure(let error):
        try promiseHarmless(error.description)
    }
}

/// - Parameter size: of the text that what is written was read from.
private func checkLine(_ line: [UInt8], atMost size: Int) throws(BrokenPromise) {
    try promise(line.firstIndex(of: 0x0A) == line.count - 1, "a message is one line")
    // A byte may become an escape of six; a message without members is written with its version.
    try promise(line.count <= 6 * size + 1024, "a message is no longer than what it was read from")
}
