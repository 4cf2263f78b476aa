// Promises of what update-all and its helper read of each other, and update-all of a step's sudo.

import HelperProtocol
import SudoProtocol

/// Each form has one encoding: what is read is written back as it was, and nothing else is taken for it.
func checkHelper(_ input: [UInt8]) throws(BrokenPromise) {
    if let request = HelperRequest(bytes: input) {
        try promise(input.count <= HelperRequest.maximumSize, "a request is bounded")
        try promiseSame(input, request.encoded() ?? [], "a request to the helper")
        try promise((0...6).contains(request.descriptorCount), "descriptors are bounded")
    }
    if let reply = HelperReply(bytes: input) {
        try promise(input.count <= HelperReply.maximumSize, "a reply is bounded")
        try promiseSame(input, reply.encoded() ?? [], "a reply of the helper")
        try promise((0...1).contains(reply.descriptorCount), "descriptors are bounded")
    }
}

func checkSudo(_ input: [UInt8]) throws(BrokenPromise) {
    if let request = SudoRequest(bytes: input) {
        try promise(input.count <= SudoRequest.maximumSize, "a request is bounded")
        try promiseSame(input, request.encoded ?? [], "a request of sudo")
        try promise([0, 4].contains(request.descriptorCount), "descriptors are those of a command, or none")
    }
    if let reply = SudoReply(bytes: input) {
        // A long text is cut, and bytes that are no text are mended.
        try promise(SudoReply(bytes: reply.encoded) != nil, "a reply to sudo can be read")
    }
    // Arguments end with a NUL, as in /proc/PID/cmdline.
    let arguments = input.split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    switch Result(catching: { () throws(SudoOptionRefusal) in try SudoInvocation(arguments) }) {
    case .success: break
    case .failure(let refusal): try promise(!refusal.reason.isEmpty, "a refusal says why")
    }
}
