// What a step finds as `sudo`, with a test in update-all's place.

import Glibc
import LinuxSystem
import SudoProtocol
import SystemPackage
import Testing

@Suite("The sudo of steps")
struct SudoShimTests {
    private func packet(from socket: CInt) throws -> SudoRequest? {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        try #require(poll(&waiting, 1, 20_000) == 1, "it says nothing")
        guard case .packet(let bytes, let descriptors) = try receivePacket(socket, capacity: 65_536) else { return nil }
        for descriptor in descriptors { close(descriptor) }
        return SudoRequest(bytes: bytes)
    }

    @Test("passes on a signal that comes before it knows that its command runs")
    func earlySignal() throws {
        let place = try shell("mktemp -d").split(separator: "\n").joined()
        defer { _ = try? shell("rm -r '\(place)'") }
        let directory = try openPlace(place)
        let listener = try listenLocally("sudo", in: directory.raw, backlog: 1, keepsPackets: true)
        let program = try Program(
            "\(Site.buildDirectory)/update-all-sudo", ["id"], environment: ["UPDATE_ALL_SUDO_SOCKET": "\(place)/sudo"])
        var waiting = pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0)
        try #require(poll(&waiting, 1, 20_000) == 1, "it does not connect")
        let connection = try acceptConnection(listener.raw)
        #expect(try packet(from: connection.raw) == .run(program: "id", arguments: []))

        program.signal(SIGUSR1)
        let ends = try Pipe().ends()
        try sendPacket(connection.raw, SudoReply.accepted.encoded, descriptors: [ends.read])
        close(ends.read)
        #expect(try packet(from: connection.raw) == .signal(SIGUSR1))

        try sendPacket(connection.raw, SudoReply.ended(status: 3, isSignal: false).encoded)
        #expect(try program.finish().code == 3)
        close(ends.write)
    }
}
