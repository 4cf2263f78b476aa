// Has the kernel hold what a run receives to its download rate: the program nft keeps the rules while the run lasts.

import Cgroups
import Glibc
import Governing
import Launching
import LinuxSystem
import Reactor
import Spawning
import Streams
import SystemPackage
import UpdateModel

/// Why the kernel does not hold it, as a clause.
struct DownloadLimitRefusal: Error {
    var reason: String
}

/// The kernel's limit of what all processes of a run receive together. Lives on the event loop's thread.
///
/// The rules belong to a process of nft that reads its commands from us. Whichever way we end, it reads to the end of them and
/// ends too, and the kernel removes its rules: nothing is left that somebody would have to sweep. A commit that outlives
/// us is not held back any more.
final class DownloadLimit {
    private let run: RunID
    private let place: (group: String, level: Int)
    private let process: LaunchedProcess
    private var commands: OwnedDescriptor?
    /// Open as long as nft lives: what it still has to say would end it otherwise (SIGPIPE).
    private var output: OwnedDescriptor?
    private var errors: OwnedDescriptor?
    private var watch: EventLoop.Watch?

    /// Where the rules are in force; nft answers within milliseconds.
    private static let patience = Duration.seconds(5)

    /// Puts `rate`, in a second, into force for all groups of a run; returns when nft has shown the rule.
    init(_ rate: ByteCount, for run: RunID, in site: CgroupSite) throws(DownloadLimitRefusal) {
        guard geteuid() == 0 else { throw DownloadLimitRefusal(reason: "only root may have the kernel drop packets") }
        self.run = run
        switch site {
        case .unavailable(let reason): throw DownloadLimitRefusal(reason: reason)
        case .tree(let tree): place = try Self.place(of: tree)
        }
        guard let program = ProgramLookup(path: securePath).path(of: "nft") else {
            throw DownloadLimitRefusal(
                reason: "the program nft is not in \(securePath); install the package nftables")
        }
        do {
            let pipe = try Pipe().ends()
            // The child has a copy of its own.
            let input = OwnedDescriptor(owning: pipe.read)
            // Nothing to read at the moment is no end to nft.
            _ = fcntl(input.raw, F_SETFL, 0)
            commands = OwnedDescriptor(owning: pipe.write)
            // It keeps a history in HOME, and without one in the current directory: where no file can be.
            let request = LaunchRequest(
                executable: program, arguments: ["--interactive"], environment: ["LC_ALL=C", "HOME=/dev/null"],
                directory: "/", leaf: nil)
            process = try InProcessLauncher().launch(request, streams: .dialogue(input: input.raw))
        } catch {
            throw DownloadLimitRefusal(reason: "\(program) cannot be started: \(error)")
        }
        output = process.takeStdout()
        errors = process.takeStderr()
        do throws(DownloadLimitRefusal) {
            try establish(rules(rate).commands)
        } catch {
            end()
            throw error
        }
    }

    /// Puts another rate into force; returns when nft has shown the rule. Where it cannot be had, the one before stays.
    func change(to rate: ByteCount) throws(DownloadLimitRefusal) { try establish(rules(rate).replacement) }

    private func rules(_ rate: ByteCount) -> DownloadRules {
        DownloadRules(run: run, group: place.group, level: place.level, rate: rate)
    }

    /// Where nft finds the run's group.
    private static func place(of tree: CgroupTree) throws(DownloadLimitRefusal) -> (group: String, level: Int) {
        // A rule says how deep the group is below the root of the whole hierarchy, which only the first cgroup namespace shows
        // (PROC_CGROUP_INIT_INO of the kernel).
        guard (try? linkTarget("/proc/self/ns/cgroup")) == "cgroup:[4026531835]" else {
            throw DownloadLimitRefusal(reason: "a container's groups cannot be told to nft")
        }
        let top = "/sys/fs/cgroup/"
        let path = tree.mount + tree.path
        let mounts = (try? readText("/proc/self/mountinfo")).map(Mount.parse) ?? []
        guard path.hasPrefix(top), Mount.containing(path, in: mounts)?.root == "/" else {
            throw DownloadLimitRefusal(reason: "nft looks for groups below \(top), where that of the run is not")
        }
        return (String(path.dropFirst(top.count)), tree.path.split(separator: "/").count)
    }

    /// - Parameter text: commands, the last of which shows the rule.
    private func establish(_ text: String) throws(DownloadLimitRefusal) {
        guard let raw = commands?.raw, let output = output?.raw, let errors = errors?.raw else {
            preconditionFailure("it has not ended")
        }
        do throws(Errno) {
            // Less than a pipe holds.
            try writeAll(raw, Array(text.utf8))
        } catch {
            throw DownloadLimitRefusal(reason: "nft takes no commands: \(error)")
        }
        let deadline = monotonicTime() + Self.patience
        var (shown, complaint) = ("", "")
        while !DownloadRules.areInForce(in: shown) {
            var streams = [
                pollfd(fd: output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            ]
            let left = CInt(max(0, (deadline - monotonicTime()).inSeconds * 1000))
            guard poll(&streams, 2, left) > 0 else { throw DownloadLimitRefusal(reason: "nft does not answer") }
            let isOver = !Self.read(output, into: &shown)
            _ = Self.read(errors, into: &complaint)
            if let line = complaint.split(separator: "\n").first {
                throw DownloadLimitRefusal(reason: "nft says: \(line)")
            }
            if isOver { throw DownloadLimitRefusal(reason: "nft has ended without a word") }
        }
    }

    /// - Returns: `false` at the end.
    private static func read(_ descriptor: CInt, into text: inout String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        do throws(Errno) {
            let count = try buffer.withUnsafeMutableBytes { bytes in
                Result { () throws(Errno) in try readBytes(descriptor, into: bytes) }
            }.get()
            text += String(decoding: buffer[..<count], as: UTF8.self)
            return count > 0
        } catch {
            return error == .wouldBlock
        }
    }

    /// Calls `handler` when nft ends before we do: then nothing is held back any more.
    func onLoss(on loop: EventLoop, _ handler: @escaping () -> Void) {
        watch = try? loop.watch(process.pidfd, for: .readable) { [unowned self] _ in
            watch?.cancel()
            watch = nil
            handler()
        }
    }

    /// Takes the rules back, and returns when they are gone.
    func end() {
        watch?.cancel()
        watch = nil
        commands = nil
        var ended = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
        if poll(&ended, 1, CInt(Self.patience.inSeconds * 1000)) != 1 {
            try? signalProcess(process.pidfd, SIGKILL)
            poll(&ended, 1, -1)
        }
        _ = try? reapProcess(process.pidfd)
    }
}
