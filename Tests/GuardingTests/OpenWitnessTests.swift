import Glibc
import LinuxSystem
import Spawning
import Testing

@testable import Guarding

extension GuardianSuites {
    @Suite("The witness of an open program") struct OpenWitnessTests {
        @Test("it executes what was opened, whatever the path leads to", arguments: ["/bin/cat", nil])
        func program(copied: String?) throws {
            let directory = try Directory()
            let script = Array("#!/bin/sh\necho $0\n".utf8)
            let program = try OpenProgram(
                sealing: copied.map { try readFile($0, limit: 1 << 24) } ?? script, of: "/no/where")
            let record = try openFile("\(directory.path)/record", O_WRONLY | O_CREAT, mode: 0o600)
            let number = OpenProgram.number
            let command = witnessCommand(
                ["/no/where", "/proc/self/cmdline"], executable: TestProcess.guardian, record: 3, program: number)
            let output = try Channel()
            let process = try TestProcess(
                command, [1: output.writing, 3: record.raw, number: program.descriptor.raw])
            output.closeWriting()
            #expect(try process.waitForEnd() == .exited(code: 0))
            try output.read(until: copied == nil ? "/proc/self/fd/\(number)\n" : "/no/where\0/proc/self/cmdline\0")
        }
    }
}
