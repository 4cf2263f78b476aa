// Starting the guardian: a process of our own group, with nothing but its socket.

import Launching
import LinuxSystem
import Spawning
import SystemPackage

/// Starts `program` with `socket` as its standard input.
/// - Parameter orphans: those whom it must not be taken for.
func launchGuardian(_ program: String, socket: CInt, orphans: Orphans?) throws -> OwnedDescriptor {
    let request = LaunchRequest(executable: program, arguments: [], environment: [], directory: "/", leaf: nil)
    let process = try InProcessLauncher().launch(request, streams: .service(input: socket))
    orphans?.isOurs(process.pid)
    return try openProcess(process.pid)
}
