// Starts a process: everything is made ready in plain C memory, then one call into C does the rest.

import CLinux
import Cgroups
import Glibc
import LinuxSystem
import SystemPackage

/// Starts processes with the rights of this process, or with fewer.
///
/// What it asks the kernel once, when it is made: which signals this process ignores, as whom and with which capabilities it
/// runs. So it is to be made after all of that has been settled.
public final class Spawner: Sendable {
    private let emptyInput: OwnedDescriptor
    private let ignoredSignals: UInt64
    private let identity: Identity
    private let bounding: CapabilitySet
    private let current: (permitted: CapabilitySet, effective: CapabilitySet, inheritable: CapabilitySet)
    private let method: LaunchMethod

    /// - Parameter method: the first way into a group that is tried, of those that the kernel may refuse.
    /// - Throws: where `/dev/null` cannot be opened.
    public init(method: LaunchMethod = .cloneIntoGroup) throws(Errno) {
        emptyInput = try openFile("/dev/null", O_RDONLY)
        ignoredSignals = clx_ignored_signals()
        identity = .current()
        bounding = try .bounding()
        current = try CapabilitySet.current()
        self.method = method
    }

    /// Returns as soon as there is a process. It makes its way to the program by itself: in a group that has no CPU time left,
    /// or is frozen, that takes as long as it takes.
    public func spawn(_ request: LaunchRequest, streams: ProcessStreams) throws(LaunchError) -> ChildProcess {
        guard let strings = SpecStrings(request) else {
            throw LaunchError(
                executable: request.executable, stage: .prepare, attempt: "pass its arguments", errno: .invalidArgument,
                advice: "an argument, a variable or a path has a NUL byte in it")
        }
        let (result, launch) = begin(request, strings, streams)
        guard let launch else { throw LaunchError(request, result) }
        return ChildProcess(request, launch, result)
    }

    private func begin(
        _ request: LaunchRequest, _ strings: borrowing SpecStrings, _ streams: ProcessStreams
    ) -> (clx_spawned, OpaquePointer?) {
        var spec = clx_spec()
        spec.path = UnsafePointer(strings.arguments[0])
        spec.arguments = UnsafePointer(strings.arguments)
        spec.environment = UnsafePointer(strings.environment)
        spec.directory = UnsafePointer(strings.directory)
        spec.group = request.leaf?.directory ?? -1
        if request.leaf?.hasMemoryController ?? false { spec.settings |= CLX_MAY_RUN_OUT_OF_MEMORY.rawValue }
        spec.ignored_signals = ignoredSignals
        spec.first_method = method.value
        setPriorities(request, &spec)
        setPrivileges(request, &spec)
        var handed = [
            clx_handed(source: streams.input ?? emptyInput.raw, target: 0),
            clx_handed(source: streams.output, target: 1), clx_handed(source: streams.errors, target: 2),
        ]
        if streams.isControllingTerminal { spec.settings |= CLX_SET_TERMINAL.rawValue }
        for extra in request.extraDescriptors {
            handed.append(clx_handed(source: extra.source, target: extra.target))
        }
        if let program = request.program {
            handed.append(clx_handed(source: program.descriptor.raw, target: OpenProgram.number))
            spec.program = OpenProgram.number
            if !request.isWitness { spec.settings |= CLX_SET_PROGRAM.rawValue }
            if program.isScript { spec.settings |= CLX_PROGRAM_IS_SCRIPT.rawValue }
        }
        let limits = request.resourceLimits.map {
            clx_resource_limit(resource: $0.resource, soft: $0.soft, hard: $0.hard)
        }
        var result = clx_spawned()
        var launch: OpaquePointer?
        handed.withUnsafeBufferPointer { handed in
            spec.handed = handed.baseAddress
            spec.handed_count = handed.count
            limits.withUnsafeBufferPointer { limits in
                spec.limits = limits.baseAddress
                spec.limit_count = limits.count
                (request.identity?.groups ?? []).withUnsafeBufferPointer { groups in
                    spec.groups = groups.baseAddress
                    spec.group_count = groups.count
                    _ = clx_begin(&spec, &result, &launch)
                }
            }
        }
        return (result, launch)
    }

    private func setPriorities(_ request: LaunchRequest, _ spec: inout clx_spec) {
        spec.settings |= CLX_SET_UMASK.rawValue
        spec.umask = request.umask
        if let nice = request.nice {
            spec.settings |= CLX_SET_NICE.rawValue
            spec.nice = CInt(clamping: nice)
        }
        if request.scheduling != .normal {
            spec.settings |= CLX_SET_SCHEDULING.rawValue
            let policy = request.scheduling == .idle ? CLX_SCHEDULING_IDLE : CLX_SCHEDULING_BATCH
            spec.scheduling_policy = CInt(policy.rawValue)
        }
        if let priority = request.ioPriority {
            spec.settings |= CLX_SET_IO_PRIORITY.rawValue
            // IOPRIO_CLASS_BE is 2, IOPRIO_CLASS_IDLE 3; the class is above 13 bits of level.
            spec.io_priority =
                switch priority {
                case .bestEffort(let level): 2 << 13 | CInt(min(level, 7))
                case .idle: 3 << 13
                }
        }
        if let adjust = request.oomScoreAdjust {
            spec.settings |= CLX_SET_OOM_SCORE.rawValue
            spec.oom_score_adjust = CInt(clamping: max(-1000, min(1000, adjust)))
        }
        if let signal = request.deathSignal {
            spec.settings |= CLX_SET_DEATH_SIGNAL.rawValue
            spec.death_signal = signal
        }
    }

    /// What is so already is not asked for: each is a system call.
    private func setPrivileges(_ request: LaunchRequest, _ spec: inout clx_spec) {
        if request.noNewPrivileges { spec.settings |= CLX_SET_NO_NEW_PRIVILEGES.rawValue }
        if let wanted = request.boundingSet { spec.bounding_drop = bounding.subtracting(wanted).rawValue }
        var inheritable = current.inheritable
        if let wanted = request.identity, !isOwn(wanted) {
            spec.settings |= CLX_SET_IDENTITY.rawValue
            spec.user = wanted.user
            spec.group_id = wanted.group
            if wanted.user != 0 {
                spec.settings |= CLX_SET_CAPABILITIES.rawValue
                let kept = request.ambientSet.rawValue
                (spec.permitted, spec.effective, spec.inheritable, spec.ambient) = (kept, kept, kept, kept)
                return
            }
        }
        // A program that root starts gets its inheritable set besides the bounding set (capabilities(7)).
        if let wanted = request.boundingSet { inheritable.formIntersection(wanted) }
        if inheritable != current.inheritable {
            spec.settings |= CLX_SET_CAPABILITIES.rawValue
            spec.permitted = current.permitted.rawValue
            spec.effective = current.effective.rawValue
            spec.inheritable = inheritable.rawValue
        }
    }
}

extension Spawner {
    /// Whether a process is that already. Only root can choose groups: a person's are what the login gave.
    private func isOwn(_ wanted: Identity) -> Bool {
        guard wanted.user == identity.user, wanted.group == identity.group else { return false }
        return identity.user != 0 || Set(wanted.groups) == Set(identity.groups)
    }
}

/// The ways into a group; each is tried where the kernel refuses the one before.
public enum LaunchMethod: Sendable, CaseIterable {
    case cloneIntoGroup, cloneThenMove, oldCloneThenMove

    init(_ method: clx_method) {
        self = Self.allCases.first { $0.value == method } ?? .oldCloneThenMove
    }

    fileprivate var value: clx_method {
        switch self {
        case .cloneIntoGroup: CLX_CLONE_INTO_GROUP
        case .cloneThenMove: CLX_CLONE_THEN_MOVE
        case .oldCloneThenMove: CLX_OLD_CLONE_THEN_MOVE
        }
    }
}

/// The strings of a request as C wants them, in one piece of memory.
private struct SpecStrings: ~Copyable {
    /// The executable comes first; both end with a null pointer.
    let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let directory: UnsafeMutablePointer<CChar>
    private let characters: UnsafeMutablePointer<CChar>

    /// `nil` where a string has a NUL byte, which C would take for its end.
    init?(_ request: LaunchRequest) {
        let strings = [request.executable] + request.arguments + request.environment + [request.directory]
        if strings.contains(where: { $0.utf8.contains(0) }) { return nil }
        let size = strings.reduce(0) { $0 + $1.utf8.count + 1 }
        characters = .allocate(capacity: size)
        arguments = .allocate(capacity: strings.count + 1)
        let argumentCount = 1 + request.arguments.count
        environment = arguments + argumentCount + 1
        var next = characters
        var place = arguments
        for (index, string) in strings.enumerated() {
            if index == argumentCount {
                place.initialize(to: nil)
                place += 1
            }
            // The directory's place is that of the null pointer behind the environment.
            place.initialize(to: index == strings.count - 1 ? nil : next)
            place += 1
            var string = string
            string.withUTF8 { utf8 in
                if let source = utf8.baseAddress { memcpy(next, source, utf8.count) }
                next[utf8.count] = 0
            }
            if index < strings.count - 1 { next += string.utf8.count + 1 }
        }
        directory = next
    }

    deinit {
        arguments.deallocate()
        characters.deallocate()
    }
}
