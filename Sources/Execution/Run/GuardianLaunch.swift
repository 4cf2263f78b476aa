// Starting the guardian: a process of our own group, with nothing but its socket.

import Launching
import LinuxSystem
import SystemPackage

/// Starts `program` with `socket` as its standard input.
func launchGuardian(_ program: String, socket: CInt) throws -> OwnedDescriptor {
    var request = LaunchRequest(executable: program, arguments: [], environment: [], directory: "/", leaf: nil)
    request.streams = .service(input: socket)
    let process = try InProcessLauncher().launch(request)
    return try openProcess(process.pid)
}
