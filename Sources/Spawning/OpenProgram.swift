// A program that is open before it is started: what was looked at is what runs, whatever its path leads to by then.

import Glibc
import LinuxSystem
import SystemPackage

/// An open executable.
public final class OpenProgram: Sendable {
    public let descriptor: OwnedDescriptor
    /// It begins with `#!`. Its interpreter is told the path `/dev/fd/NUMBER`, which is `$0` then, and opens that: the
    /// descriptor stays open in the process.
    let isScript: Bool

    /// The number that it has in the process: one that scripts do not redirect.
    public static let number: CInt = 20

    public init(_ descriptor: consuming OwnedDescriptor) {
        var start: (UInt8, UInt8) = (0, 0)
        let count = withUnsafeMutableBytes(of: &start) { pread(descriptor.raw, $0.baseAddress, $0.count, 0) }
        isScript = count == 2 && start == (UInt8(ascii: "#"), UInt8(ascii: "!"))
        self.descriptor = descriptor
    }

    /// A copy that nobody can change, of a file that somebody can.
    /// - Parameters:
    ///   - path: for who looks at the process.
    ///   - content: all of the file, as it was looked at.
    /// - Throws: `.permissionDenied` also where the kernel executes no files in memory (`vm.memfd_noexec`).
    public convenience init(sealing content: [UInt8], of path: String) throws(Errno) {
        let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
        // memfd_create takes no longer ones.
        self.init(try sealedFile(String(name.unicodeScalars.prefix(48)), containing: content))
    }
}
