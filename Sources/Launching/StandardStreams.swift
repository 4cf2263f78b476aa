// What a process's standard streams are, and both ends of them.

import Glibc
import LinuxSystem
import Spawning
import Streams
import SystemPackage

/// Where a process's standard streams lead.
public enum StandardStreams: Hashable, Sendable {
    /// A pipe each for output and errors; input is empty.
    case pipes
    /// A pseudo-terminal for all three; its controlling terminal too if so said.
    case terminal(TerminalSize, controlling: Bool)
    /// A pseudo-terminal for output and errors, since it is a person who reads them; input is empty, and there is no
    /// controlling terminal: whoever asks something is told at once that nobody answers.
    case outputTerminal(TerminalSize)
    /// Input is this descriptor, which stays the caller's; a pipe each for output and errors.
    case dialogue(input: CInt)
    /// Input is this descriptor, which stays the caller's; output and errors go nowhere. For a companion of ours.
    case service(input: CInt)
}

/// Both ends of a process's standard streams.
public struct StreamEnds: ~Copyable {
    /// From which we read; `nil`: it goes nowhere.
    let output: OwnedDescriptor?
    /// `nil` also where they go the way of the output.
    let errors: OwnedDescriptor?
    private let processOutput: OwnedDescriptor
    private let processErrors: OwnedDescriptor?
    private let input: CInt?
    private let isControllingTerminal: Bool

    /// Makes the pipes, or the terminal.
    /// - Parameter executable: the process's, for the error.
    public static func make(_ streams: StandardStreams, of executable: String) throws(LaunchError) -> StreamEnds {
        do {
            return try StreamEnds(streams)
        } catch {
            throw LaunchError(
                executable: executable, stage: .prepare, attempt: "make its standard streams", errno: error,
                advice: error == .tooManyOpenFiles ? "raise the limit of open files: ulimit -n" : "")
        }
    }

    private init(_ streams: StandardStreams) throws(Errno) {
        switch streams {
        case .pipes, .dialogue:
            let outputPipe = try Pipe()
            let errorPipe = try Pipe()
            let outputEnds = outputPipe.ends()
            let errorEnds = errorPipe.ends()
            output = OwnedDescriptor(owning: outputEnds.read)
            processOutput = OwnedDescriptor(owning: outputEnds.write)
            errors = OwnedDescriptor(owning: errorEnds.read)
            processErrors = OwnedDescriptor(owning: errorEnds.write)
            if case .dialogue(let descriptor) = streams { input = descriptor } else { input = nil }
            isControllingTerminal = false
        case .terminal(let size, _), .outputTerminal(let size):
            let terminal = try PseudoTerminal(size: size).ends()
            output = OwnedDescriptor(owning: terminal.controller)
            processOutput = OwnedDescriptor(owning: terminal.peer)
            errors = nil
            processErrors = nil
            if case .terminal(_, let isControlling) = streams {
                input = terminal.peer
                isControllingTerminal = isControlling
            } else {
                input = nil
                isControllingTerminal = false
            }
        case .service(let descriptor):
            let nowhere = try openFile("/dev/null", O_WRONLY)
            output = nil
            processOutput = nowhere
            errors = nil
            processErrors = nil
            input = descriptor
            isControllingTerminal = false
        }
    }

    /// The descriptors from which we read.
    public var outputs: [CInt] { Self.numbers(output) + Self.numbers(errors) }

    /// The process's ends.
    public var ofProcess: ProcessStreams {
        ProcessStreams(
            input: input, output: processOutput.raw, errors: Self.numbers(processErrors).first ?? processOutput.raw,
            isControllingTerminal: isControllingTerminal)
    }

    private static func numbers(_ descriptor: borrowing OwnedDescriptor?) -> [CInt] {
        switch descriptor {
        case .some(let descriptor): [descriptor.raw]
        case .none: []
        }
    }
}
