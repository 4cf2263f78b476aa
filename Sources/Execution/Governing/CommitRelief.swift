// Sees to it that no memory.high of ours stops a commit. Lives on the event loop's thread.

import Cgroups
import Glibc
import Governing
import LinuxSystem
import Reactor
import SystemPackage
import UpdateModel

/// Watches the groups of commits, and their common branch while there are any, and raises what would stop them.
final class CommitRelief {
    private let tree: CgroupTree
    private let memory: ByteCount
    private let loop: EventLoop
    private let bus: EventBus
    private var commits: [StepID: Place] = [:]
    private var branch: Place?

    /// Looks are at least so far apart, however often the kernel tells.
    private static let pause = Duration.milliseconds(50)

    /// A group with a memory.high.
    private final class Place {
        let directory: String
        /// `nil`: the branch of all commits.
        let step: StepID?
        /// memory.high as the policy has it.
        var original: String
        let events: OwnedDescriptor
        let change: ([ControlWrite]) -> AppliedLimits
        var relief: MemoryRelief
        var isRaised = false
        var watch: EventLoop.Watch?
        var timer: EventLoop.Timer?

        init(
            _ directory: String, step: StepID?, original: String, events: consuming OwnedDescriptor,
            relief: MemoryRelief, change: @escaping ([ControlWrite]) -> AppliedLimits
        ) {
            self.directory = directory
            self.step = step
            self.original = original
            self.events = events
            self.relief = relief
            self.change = change
        }

        func cancel() {
            watch?.cancel()
            timer?.cancel()
        }
    }

    /// - Parameter memory: of the machine.
    init(_ tree: CgroupTree, memory: ByteCount, loop: EventLoop, bus: EventBus) {
        self.tree = tree
        self.memory = memory
        self.loop = loop
        self.bus = bus
    }

    /// A commit has been started in `leaf`, or may have been given a memory.high since.
    func begin(_ step: StepID, _ leaf: Leaf) {
        guard tree.controllers.contains(.memory) else { return }
        if commits[step] == nil { commits[step] = place(tree.mount + leaf.path, step: step) { leaf.change($0) } }
        if branch == nil { branch = place(tree.protectedDirectory, step: nil) { [tree] in tree.changeProtected($0) } }
    }

    /// Whether the memory.high of a commit, or of the branch of all, was raised: then it is not the policy's to write.
    /// - Parameter step: `nil`: the branch.
    func hasRaised(_ step: StepID?) -> Bool { (step.map { commits[$0] } ?? branch)?.isRaised ?? false }

    /// The policy gives another memory.high. One that was raised stays so where that is more; `high` is what counts once it
    /// is not needed any more.
    /// - Parameters:
    ///   - step: `nil`: the branch of all commits.
    ///   - high: as it is written; `nil`: none.
    func revise(_ step: StepID?, _ high: String?) {
        guard let place = step.map({ commits[$0] }) ?? branch else { return }
        place.original = high ?? "max"
        guard place.isRaised, let present = try? readText("\(place.directory)/memory.high") else { return }
        let isMore = Int64(place.original).map { new in Int64(present).map { new >= $0 } ?? false } ?? true
        guard isMore else { return }
        _ = place.change([ControlWrite(file: "memory.high", value: place.original)])
        place.isRaised = false
    }

    /// It has ended. Behind the last one the branch has again what the policy gives it.
    func end(_ step: StepID) {
        commits.removeValue(forKey: step)?.cancel()
        guard commits.isEmpty, let branch else { return }
        branch.cancel()
        if branch.isRaised { _ = branch.change([ControlWrite(file: "memory.high", value: branch.original)]) }
        self.branch = nil
    }

    /// - Returns: `nil` where the group has no memory.high, or nothing tells of it.
    private func place(
        _ directory: String, step: StepID?, change: @escaping ([ControlWrite]) -> AppliedLimits
    ) -> Place? {
        guard let high = try? readText("\(directory)/memory.high"), high != "max",
            let events = try? openFile("\(directory)/memory.events", O_RDONLY)
        else { return nil }
        let place = Place(
            directory, step: step, original: high, events: events, relief: MemoryRelief(machineMemory: memory),
            change: change)
        place.watch = try? loop.watch(place.events.raw, for: .priority) { [unowned self, unowned place] _ in
            look(at: place)
        }
        return place
    }

    private func look(at place: Place) {
        place.watch?.pause()
        let now = monotonicTime()
        guard let memory = held(by: place) else { return }
        var next = now + Self.pause
        switch place.relief.observe(memory, at: now) {
        case .rest: break
        case .look(let time): next = max(next, time)
        case .raise(let high): raise(place, to: high)
        }
        place.timer = loop.schedule(at: next) { [weak self, weak place] in
            guard let self, let place else { return }
            // Whether the kernel has told of it meanwhile or not.
            if next > now + Self.pause { return look(at: place) }
            // Fails only where the kernel has no memory for it: the group is then no longer watched.
            try? place.watch?.resume()
        }
    }

    /// - Returns: `nil` where the group has gone.
    private func held(by place: Place) -> HeldMemory? {
        // Of the watched descriptor, which answers that it has told.
        guard let events = try? readControlText(place.events.raw) else { return nil }
        func read(_ file: String) -> String { (try? readText("\(place.directory)/\(file)")) ?? "" }
        return HeldMemory(
            high: read("memory.high"), current: read("memory.current"), stat: read("memory.stat"), events: events,
            swapLeft: swapLeft(for: place.directory))
    }

    private func swapLeft(for directory: String) -> ByteCount {
        var groups: [(max: String, current: String)] = []
        var directory = directory[...]
        while directory.utf8.count > tree.mount.utf8.count, let slash = directory.lastIndex(of: "/") {
            if let most = try? readText("\(directory)/memory.swap.max"),
                let current = try? readText("\(directory)/memory.swap.current")
            {
                groups.append((most, current))
            }
            directory = directory[..<slash]
        }
        return Governing.swapLeft(meminfo: (try? readText("/proc/meminfo")) ?? "", groups: groups)
    }

    private func raise(_ place: Place, to high: ByteCount?) {
        let wanted = ControlWrite(file: "memory.high", value: high.map { "\($0.bytes)" } ?? "max")
        let result = place.change([wanted])
        place.isRaised = true
        // The same for each raise, so that a summary says it once.
        let reason =
            place.step.map { "the commit \($0) would stop there: without swap it has nothing to give back" }
            ?? "the commits would stop there: without swap they have nothing to give back"
        let refusal = result.deviations.first.map { "; it cannot be made \(wanted.value): \($0.reason)" } ?? ""
        bus.publish(
            .limit(
                LimitDeviation(
                    control: "memory.high", requested: place.original,
                    effective: result.applied.first?.value ?? place.original,
                    reason: reason + refusal)),
            of: place.step?.plugin)
    }
}
