// The machine's own sudo, for those who have given a step a rule without a password in place of an allowance.

import Glibc
import LinuxSystem
import SudoProtocol

enum MachineSudo {
    private static let path = "/usr/bin/sudo"

    /// Becomes the machine's sudo, which asks nobody; or ends with what is missing.
    static func run(_ arguments: [String]) -> Never {
        let refusal =
            variable("UPDATE_ALL_SUDO_REFUSAL") ?? "it only works for a step of update-all's; call \(path) otherwise"
        guard access(path, X_OK) == 0 else { refuse(refusal) }
        if case .run(let program, let rest)? = try? SudoInvocation(arguments),
            !succeeds(["-n", "-l", "--", program] + rest)
        {
            refuse(refusal)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path, "-n"] + arguments).map { strdup($0) }
        pointers.append(nil)
        execv(path, pointers)
        refuse("\(path) cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Whether sudo would run a command without asking. What it says is for nobody.
    private static func succeeds(_ arguments: [String]) -> Bool {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: CInt in 0...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var (process, status): (pid_t, CInt) = (0, 0)
        guard posix_spawn(&process, path, &actions, nil, pointers, environ) == 0 else { return false }
        while waitpid(process, &status, 0) < 0 { if errno != EINTR { return false } }
        return status == 0
    }
}
