import Glibc
import LinuxSystem
import Testing
import UpdateModel

extension SystemdTests {
    /// As root in namespaces of mounts and groups, in which there is no systemd, as in a container. What the machine's own
    /// systemd has for it is a delegated scope, as container engines ask for.
    @Suite("A run in a container")
    struct SystemdContainerTests {
        /// - Parameters:
        ///   - mount: options of the hierarchy in the container.
        ///   - isAlone: whether update-all is the only process of the container's group.
        private func container(mount: String, isAlone: Bool) -> [String] {
            let beside = isAlone ? "" : "sleep 1000 & trap 'kill $!' EXIT; "
            let command = isAlone ? "exec \"$@\"" : "\"$@\""
            return [
                "systemd-run", "--quiet", "--scope", "--property=Delegate=yes", "--", "unshare", "--mount", "--cgroup",
                "sh", "-ec",
                """
                mount -t tmpfs none /run/systemd
                umount /sys/fs/cgroup
                mount -t cgroup2 -o \(mount) none /sys/fs/cgroup
                \(beside)\(command)
                """, "sh",
            ]
        }

        private func plainProgram() throws -> Program {
            let program = try Program()
            try program.add(
                "plain", script: "cat /sys/fs/cgroup$(cut -c4- /proc/self/cgroup)/pids.max || true")
            return program
        }

        @Test("As the only process of a private, writable hierarchy it has every limit")
        func alone() throws {
            let program = try plainProgram()
            let finished = try program.run(
                policy: "[step]\ntasks_max = 77", prefix: container(mount: "rw", isAlone: true))
            #expect(finished.cause == .code(0), "\(finished.errors)")
            #expect(finished.lines("plain").last == "77")
            #expect(finished.starts("plain").first?.cgroup?.hasPrefix("/run-") == true)
        }

        @Test("Beside other processes groups track and measure, and the reason says what to do for limits")
        func shared() throws {
            let program = try plainProgram()
            let finished = try program.run(
                policy: "[step]\ntasks_max = 77", prefix: container(mount: "rw", isAlone: false))
            #expect(finished.cause == .code(3))
            #expect(finished.errors.contains("limit the container itself"), "\(finished.errors)")
            let unlimited = try program.run(prefix: container(mount: "rw", isAlone: false))
            #expect(unlimited.cause == .code(0), "\(unlimited.errors)")
            #expect(unlimited.starts("plain").first?.cgroup?.hasPrefix("/run-") == true)
        }

        @Test("A hierarchy that is mounted read-only is said to be, and steps run without groups")
        func readOnly() throws {
            let program = try plainProgram()
            let finished = try program.run(
                policy: "[step]\ntasks_max = 77", prefix: container(mount: "ro", isAlone: true))
            #expect(finished.cause == .code(3))
            #expect(finished.errors.contains("mounted read-only, as containers have it"), "\(finished.errors)")
            let unlimited = try program.run(prefix: container(mount: "ro", isAlone: true))
            #expect(unlimited.cause == .code(0), "\(unlimited.errors)")
            #expect(unlimited.starts("plain").first?.cgroup == nil)
        }
    }
}
