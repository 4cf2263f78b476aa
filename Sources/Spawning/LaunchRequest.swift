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

/// How the kernel's scheduler takes a process (sched(7)).
public enum SchedulingClass: Hashable, Sendable {
    case normal
    /// Assumed to compute: woken up later.
    case batch
    /// Only where nothing else wants the CPU.
    case idle
}

/// I/O priority (ioprio_set(2)).
public enum IOPriority: Hashable, Sendable {
    /// 0 (first) … 7.
    case bestEffort(level: UInt8)
    case idle
}

/// A bound of setrlimit(2), in the resource's own unit.
public struct ResourceLimit: Hashable, Sendable {
    /// `RLIMIT_…`
    public var resource: CInt
    public var soft: UInt64
    public var hard: UInt64

    public init(resource: CInt, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}

/// What a process's standard streams are: descriptors, which stay the caller's.
public struct ProcessStreams: Hashable, Sendable {
    /// `nil`: there is nothing to read.
    public var input: CInt?
    public var output: CInt
    public var errors: CInt
    /// The input is a terminal, which becomes the controlling one.
    public var isControllingTerminal: Bool

    public init(input: CInt? = nil, output: CInt, errors: CInt, isControllingTerminal: Bool = false) {
        self.input = input
        self.output = output
        self.errors = errors
        self.isControllingTerminal = isControllingTerminal
    }
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

/// What to start, where and with which rights. The process leads a session of its own.
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
    /// What it has though it is not root. Only with an identity.
    public var ambientSet: CapabilitySet = []
    /// Neither set-user-ID programs nor file capabilities give it more (so no sudo).
    public var noNewPrivileges = true
    public var umask: mode_t = 0o022
    /// Nice level; `nil`: as this process.
    public var nice: Int?
    public var scheduling = SchedulingClass.normal
    public var ioPriority: IOPriority?
    /// −1000 … 1000; `nil`: as this process. Lowering it needs a privilege.
    public var oomScoreAdjust: Int?
    public var resourceLimits: [ResourceLimit] = []
    public var extraDescriptors: [HandedDescriptor] = []
    /// Sent to it when the *thread* that launches ends (`PR_SET_PDEATHSIG`); never for a protected step.
    public var deathSignal: Int32?
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
