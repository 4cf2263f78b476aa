// All that a process is started with. Nothing else reaches it: no descriptor, no variable, no signal disposition of ours.

import Cgroups
import Glibc
import LinuxSystem
import UpdateModel

/// As whom a process runs.
public struct Identity: Hashable, Sendable {
    public var user: uid_t
    public var group: gid_t
    /// All groups, the primary one included.
    public var groups: [gid_t]

    public init(user: uid_t, group: gid_t, groups: [gid_t]) {
        self.user = user
        self.group = group
        self.groups = groups
    }

    public init(_ account: Account) {
        self.init(user: account.user, group: account.group, groups: account.groups)
    }

    /// This process's own.
    public static func current() -> Identity {
        let count = max(0, getgroups(0, nil))
        var groups = [gid_t](repeating: 0, count: Int(count))
        let filled = count == 0 ? 0 : max(0, getgroups(count, &groups))
        return Identity(user: geteuid(), group: getegid(), groups: Array(groups.prefix(Int(filled))))
    }
}

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
    /// Output and errors are these descriptors, which stay the caller's, who has their other ends. Input is empty, or,
    /// where they are a terminal that is to be the controlling one, that.
    case given(output: CInt, errors: CInt, isControllingTerminal: Bool)
    /// All three are these descriptors, which stay the caller's.
    case handed(input: CInt, output: CInt, errors: CInt)
}

/// A descriptor that a process gets besides its standard streams.
public struct HandedDescriptor: Hashable, Sendable {
    /// Here.
    public var source: CInt
    /// There; from 3.
    public var target: CInt

    public init(source: CInt, target: CInt) {
        self.source = source
        self.target = target
    }
}

/// Which step a process is for, and what a plugin is told.
public struct LaunchPurpose: Sendable {
    public var group: StepGroup
    /// Of the plugin; the process may be one that runs it.
    public var executable: String
    public var isDryRun: Bool
    public var cpus: Int?
    public var memory: ByteCount?
    /// A second.
    public var downloadRate: ByteCount?
    /// In which the witness of a commit notes its exit.
    public var exitRecord: CInt?

    public init(group: StepGroup, executable: String, isDryRun: Bool = false) {
        self.group = group
        self.executable = executable
        self.isDryRun = isDryRun
    }
}

/// What to start, where and with which rights. The process leads a session of its own, with the umask 022.
public struct LaunchRequest: Sendable {
    public var executable: String
    /// What is executed whatever `executable` leads to by now; `nil`: what is there then.
    public var program: OpenProgram?
    /// The process is a witness, which is told the program's number and executes it.
    public var isWitness = false
    /// Without the program's name, which is `executable`.
    public var arguments: [String]
    /// `KEY=VALUE`; all of it.
    public var environment: [String]
    public var directory: String
    /// `nil`: as this process.
    public var identity: Identity?
    /// What it can ever have; `nil`: as this process.
    public var boundingSet: CapabilitySet?
    /// Neither set-user-ID programs nor file capabilities give it more (so no sudo).
    public var noNewPrivileges = true
    /// Nice level; `nil`: as this process.
    public var nice: Int?
    /// It has CPU and disk only where nothing else wants them (sched(7), ioprio_set(2)).
    public var isIdle = false
    public var streams = StandardStreams.pipes
    public var extraDescriptors: [HandedDescriptor] = []
    /// Sent to it when the *thread* that launches ends (`PR_SET_PDEATHSIG`); never for a protected step.
    public var deathSignal: Int32?
    /// What it is for, where it is a process of a step: a launcher with more rights than ours finds out by itself what
    /// may be started for that.
    public var purpose: LaunchPurpose?
    /// The group it starts in; `nil` only where there are no groups at all: then it starts in this process's.
    public var leaf: Leaf?

    public init(executable: String, arguments: [String], environment: [String], directory: String, leaf: Leaf?) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.leaf = leaf
    }
}
