// What update-all-helper answers one who is not update-all: a person who may start it, and says what they like.

import Glibc
import HelperProtocol
import LinuxSystem
import Spawning
import Streams
import SystemPackage
import Testing
import UpdateModel

@testable import Launching

@Suite(
    "A person who speaks to the helper by themselves", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramHelperTests {
    private static let rule =
        "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""

    /// Passes packets on: each line it reads is a count of descriptors and a packet in hexadecimal digits, each line it
    /// writes the answer's digits, or `end` where there is none. With an argument it gives the pair of sockets to that person.
    private static let relay = """
        import array, os, socket, subprocess, sys
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if len(sys.argv) > 1:
            import pwd
            account = pwd.getpwnam(sys.argv[1])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        subprocess.Popen(
            ["sudo", "-n", "--", "/usr/local/libexec/update-all/update-all-helper"], stdin=theirs)
        theirs.close()
        null = os.open("/dev/null", os.O_RDWR)
        for line in sys.stdin:
            count, packet = line.split()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * int(count)))]
            try:
                ours.sendmsg([bytes.fromhex(packet)], rights if int(count) else [])
                answer = ours.recvmsg(1 << 18, socket.CMSG_SPACE(64))[0]
            except OSError:
                answer = b""
            print(answer.hex() or "end", flush=True)
        """

    private struct Unanswered: Error { let complaint: String }

    private final class Conversation {
        let process: LaunchedProcess
        private let input: OwnedDescriptor
        private let output: OwnedDescriptor
        /// What the helper has said on its standard error.
        private(set) var complaint = ""

        /// - Parameter isRoots: root makes the socket, and the person starts the helper.
        init(isRoots: Bool = false) throws {
            let path = "/tmp/relay.py"
            let file = try openFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try writeAll(file.raw, Array(relay.utf8))
            let account = try #require(try Account.named(Installation.person))
            let ends = try Pipe().ends()
            defer { close(ends.read) }
            // Nothing to read at the moment would be the end to Python.
            _ = fcntl(ends.read, F_SETFL, 0)
            input = OwnedDescriptor(owning: ends.write)
            var request = LaunchRequest(
                executable: "/bin/sh",
                arguments: ["-c", "exec /usr/bin/python3 \(path) \(isRoots ? account.name : "") 2>&1"],
                environment: ["PATH=/usr/bin:/bin", "HOME=\(account.home)"], directory: "/", leaf: nil)
            if !isRoots { request.identity = Identity(account) }
            request.noNewPrivileges = false
            process = try InProcessLauncher().launch(request, streams: .dialogue(input: ends.read))
            guard let stream = process.takeStdout() else { throw Errno.badFileDescriptor }
            output = stream
        }

        /// - Returns: `nil` where the helper has ended.
        func ask(_ request: HelperRequest) throws -> HelperReply? {
            let bytes = try #require(request.encoded())
            return try ask(bytes, descriptors: request.descriptorCount)
        }

        func ask(_ bytes: [UInt8], descriptors: Int = 0) throws -> HelperReply? {
            let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            try writeAll(input.raw, Array("\(descriptors) \(digits)\n".utf8))
            while let line = line() {
                if line == "end" { return nil }
                let answer = Array(line.utf8)
                guard answer.count.isMultiple(of: 2), line.allSatisfy(\.isHexDigit) else {
                    complaint += line + "\n"
                    continue
                }
                let bytes = stride(from: 0, to: answer.count - 1, by: 2).compactMap { index in
                    UInt8(String(decoding: answer[index...index + 1], as: UTF8.self), radix: 16)
                }
                return try #require(HelperReply(bytes: bytes), "\(line)")
            }
            throw Unanswered(complaint: complaint)
        }

        private func line() -> String? {
            var bytes: [UInt8] = []
            var byte: UInt8 = 0
            while waitReadable(output.raw, limit: .seconds(30)), read(output.raw, &byte, 1) == 1 {
                if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
                bytes.append(byte)
            }
            return nil
        }

        /// As a run whose update-all has gone.
        func end() throws {
            try process.signal(SIGKILL)
            while try process.reap() == nil { _ = waitReadable(process.pidfd, limit: nil) }
        }
    }

    private func run(of process: pid_t) -> RunID { RunID(start: calendarTime(), processID: process) }

    private func group(_ plugin: String, _ phase: Phase = .execute, isProtected: Bool = false) -> StepGroup {
        StepGroup(step(plugin, phase), attempt: 1, isProtected: isProtected)
    }

    private func rootsLaunch(
        _ plugin: String, at directory: String = "/etc/update-all/plugins.d", in group: StepGroup? = nil,
        isDryRun: Bool = false
    ) -> HelperRequest {
        .launch(
            HelperLaunch(
                group: group ?? self.group(plugin),
                program: .plugin(executable: "\(directory)/\(plugin)", isDryRun: isDryRun, hints: .init())))
    }

    private func ownLaunch(_ script: String, in group: StepGroup, nice: Int32? = nil) -> HelperRequest {
        .launch(
            HelperLaunch(
                group: group,
                program: .own(executable: "/bin/sh", arguments: ["-c", script], environment: [], directory: "/"),
                nice: nice))
    }

    private func refused(_ reply: HelperReply?, _ reason: String, line: Int = #line) {
        guard case .refused(let said) = reply else {
            Issue.record("\(String(describing: reply)) is not refused: \(reason) (line \(line))")
            return
        }
        #expect(said.contains(reason), "\(said) (line \(line))")
    }

    @Test("gets nothing that root's files do not allow, each refusal with its reason and in the audit log")
    func refusals() throws {
        let site = try Installation(rules: Self.rule)
        try site.add("commits", runAs: "root", manifest: "protected_phases = [\"execute\"]", script: "true")
        try shell("printf '[step]\nmemory_max = \"200M\"\n' >/etc/update-all/policy.toml")
        let helper = try Conversation()
        let run = run(of: helper.process.pid)

        refused(try helper.ask(.makeGroup(group("roots"), [])), "no run has begun")
        refused(try helper.ask(.begin(self.run(of: 1))), "is not the run of the process \(helper.process.pid)")
        guard case .ready(let place) = try helper.ask(.begin(run)) else {
            Issue.record("the helper does not begin: \(helper.complaint)")
            return
        }
        refused(try helper.ask(.begin(run)), "a run has begun already")

        // Limits looser than the administrator's, in a group's making and later.
        let loose = control("memory.max", "1073741824")
        refused(try helper.ask(.makeGroup(group("roots"), [loose])), "is more than memory.max = 209715200")
        guard case .applied(let limits, _) = try helper.ask(.makeGroup(group("roots"), [control("pids.max", "99")]))
        else {
            Issue.record("no group is made")
            return
        }
        #expect(limits.contains(control("memory.max", "209715200")), "\(limits)")
        #expect(limits.contains(control("pids.max", "99")), "\(limits)")
        refused(try helper.ask(.makeGroup(group("roots"), [])), "is there already")
        refused(try helper.ask(.limit(.step(group("roots")), [loose])), "is more than memory.max = 209715200")
        refused(try helper.ask(.limit(.step(group("roots")), [control("cpu.weight", "101")])), "is more than")
        refused(try helper.ask(.limit(.run, [control("io.weight", "default 200")])), "is more than")

        // A program that is no trusted plugin, or not that plugin, or not so.
        refused(try helper.ask(rootsLaunch("roots", at: "/tmp")), "is /etc/update-all/plugins.d/roots, not /tmp/roots")
        refused(try helper.ask(rootsLaunch("none")), "there is no group none.execute")
        for name in ["mine", "none", "commits"] { _ = try helper.ask(.makeGroup(group(name), [])) }
        refused(try helper.ask(rootsLaunch("none")), "no plugin none")
        refused(try helper.ask(rootsLaunch("mine")), "does not say run_as = \"root\"")
        refused(try helper.ask(rootsLaunch("commits")), "says which phases are commits")
        refused(try helper.ask(rootsLaunch("roots", isDryRun: true)), "does not say dry_run = true")
        _ = try helper.ask(.makeGroup(group("roots", .check), []))
        refused(try helper.ask(rootsLaunch("roots", in: group("roots", .check))), "questions are asked as the person")

        // Capabilities that nobody asked for when the run began.
        try site.add(
            "late", runAs: "root",
            manifest: "[capabilities.update]\ncap_sys_admin = \"to mount\"", script: "true")
        _ = try helper.ask(.makeGroup(group("late"), []))
        refused(try helper.ask(rootsLaunch("late")), "did not ask for")

        // More than others have, and what belongs to somebody else.
        refused(try helper.ask(ownLaunch("true", in: group("mine"), nice: -1)), "only root gives a step more")
        refused(try helper.ask(.signal(process: 2, number: SIGKILL)), "2 is no process that was started here")
        refused(try helper.ask(.reap(process: 2)), "2 is no process that was started here")
        refused(try helper.ask(.kill(.protected)), "commits are never killed")
        refused(
            try helper.ask(.sudo(HelperSudo(group: group("mine"), program: "/usr/bin/id", arguments: []))),
            "sudo_programs")

        // What is the person's own runs as the person, with nothing of root's.
        let file = "/tmp/own-status"
        try shell("rm -f \(file)")
        guard
            case .launched(let process) = try helper.ask(
                ownLaunch("cat /proc/self/status >\(file).new; mv \(file).new \(file)", in: group("mine")))
        else {
            Issue.record("the person's own step is not started")
            return
        }
        while try helper.ask(.reap(process: process)) == .running { try shell("sleep 0.05") }
        let status = try readText(file)
        let uid = try #require(try Account.named(Installation.person)).user
        #expect(status.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)\n"), "\(status)")
        #expect(status.contains("CapPrm:\t0000000000000000\n"), "\(status)")
        #expect(status.contains("NoNewPrivs:\t1\n"), "\(status)")

        #expect(fileExists(place.mount + place.path))
        // What no request is ends the conversation: whoever sends that is not update-all.
        #expect(try helper.ask([9, 9, 9]) == nil)
        try helper.end()
        try site.expectNothingLeft()
        let audit = site.audit
        for reason in [
            "is more than memory.max = 209715200", "questions are asked as the person", "that is no request",
        ] {
            #expect(audit.contains(reason), "\(audit)")
        }
    }

    @Test("who floods it with groups is refused at the 512th, and leaves nothing")
    func flood() throws {
        let site = try Installation(rules: Self.rule)
        let helper = try Conversation()
        _ = try helper.ask(.begin(run(of: helper.process.pid)))
        for number in 0..<512 {
            guard case .applied = try helper.ask(.makeGroup(group("step-\(number)"), [])) else {
                Issue.record("the group \(number) is not made")
                break
            }
        }
        refused(try helper.ask(.makeGroup(group("one-more"), [])), "512 steps are under way already")
        try helper.end()
        try site.expectNothingLeft()
    }

    @Test("over a socket that somebody else made is told so, and gets nothing")
    func otherUser() throws {
        let site = try Installation(rules: Self.rule)
        let helper = try Conversation(isRoots: true)
        #expect(try helper.ask(.begin(run(of: helper.process.pid))) == nil)
        #expect(helper.complaint.contains("and the user 0 is at the other end"), "\(helper.complaint)")
        try helper.end()
        try site.expectNothingLeft()
    }
}
