// The ceiling: what the administrator's files give is the most that anybody else may have. What is looser, key by key, and
// how it is cut.

import UpdateModel

extension PolicyKey {
    /// Whether what the administrator's files say of the key binds all that comes after them. Not bound are words for
    /// people, hooks, logs and terminals, which give nobody more of the machine.
    var hasCeiling: Bool {
        switch self {
        case .description, .extends, .beforeRun, .afterRun, .keepDays, .keepBytes, .stepBytes, .pty: false
        default: true
        }
    }

    /// `value` where it asks for no more than `ceiling`, else what `ceiling` leaves of it.
    ///
    /// The result is never looser than `ceiling`; what is tight enough stays as it is; to cut twice changes nothing.
    /// - Parameter facts: of the machine that shares and sizes are compared on.
    func cut(_ value: PolicyValue, to ceiling: PolicyValue, on facts: MachineFacts) -> PolicyValue {
        guard hasCeiling else { return value }
        switch (value, ceiling) {
        case (.caps(let caps), .caps(let limits)):
            return .caps(Self.cut(caps, to: limits))
        case (.texts(let texts), .texts(let limits)):
            return .texts(cut(texts, to: limits))
        case (.text(let text), .text(let limit)) where self == .runAs || self == .sha256:
            // Nobody has more rights than root; of other accounts it is not known which has more.
            let isAllowed = text == limit || self == .runAs && limit == RunAs.root.description
            return isAllowed ? value : ceiling
        default:
            return looseness(of: value, on: facts) > looseness(of: ceiling, on: facts) ? ceiling : value
        }
    }

    /// How much a value lets a run have: of two values of a key the larger one is the looser.
    private func looseness(of value: PolicyValue, on facts: MachineFacts) -> Double {
        switch value {
        case .memory(let amount): amount.bytes(on: facts).map { Double($0.bytes) } ?? .infinity
        case .cpu(let amount): amount.cpus(on: facts)?.value ?? .infinity
        case .cpuWeight(.idle): 0
        case .cpuWeight(.weight(let weight)): Double(weight)
        case .tasks(let count): count.map { Double($0) } ?? .infinity
        case .integer(let number): self == .nice ? -Double(number) : Double(number)
        // A run that comes back later has stepped back for longer.
        case .duration(let duration): self == .resumeAfter ? -duration.inSeconds : duration.inSeconds
        case .boolean(let flag): flag == (self == .selfUpdate) ? 1 : 0
        case .share(let threshold): threshold.value
        case .number(let threshold): threshold
        case .text(let word): Double(Self.fromTightest[self]?.firstIndex(of: word) ?? 0)
        case .texts, .caps: 0
        }
    }

    /// The words of keys that have an order, the tightest first.
    private static let fromTightest: [PolicyKey: [String]] = [
        .enforcement: [Enforcement.required, .preferred].map(\.rawValue),
        .leftovers: [Leftovers.kill, .report, .keep].map(\.rawValue),
        .action: ["freeze", "slow-then-freeze", "slow"],
    ]

    // MARK: Lists

    private func cut(_ texts: [String], to limits: [String]) -> [String] {
        switch self {
        case .allow:
            return cutWindows(texts, to: limits)
        case .cgroups:
            // Whose pressure counts: more of them make a run step back more often. None is the machine's own slices.
            if limits.isEmpty || Set(texts).isSuperset(of: limits) { return texts }
            return limits + texts.filter { !limits.contains($0) }
        default:
            // Capabilities, programs that sudo may run.
            return texts.filter { limits.contains($0) }
        }
    }

    /// The times that both allow. Where there are none, those of the ceiling: an empty list would allow all.
    private func cutWindows(_ texts: [String], to limits: [String]) -> [String] {
        guard let ceiling = WeekWindows(limits) else { return texts }
        guard let wanted = WeekWindows(texts) else {
            // At any time.
            return WeekWindows.always.isSubset(of: ceiling) ? texts : limits
        }
        if wanted.isSubset(of: ceiling) { return texts }
        return wanted.intersection(ceiling)?.texts ?? limits
    }

    /// Caps of paths that are not named are added: whether two paths are on one disk is seen later, and the tighter of
    /// two caps on it holds.
    private static func cut(_ caps: [IOCap], to limits: [IOCap]) -> [IOCap] {
        limits.reduce(into: caps) { caps, limit in
            guard let index = caps.firstIndex(where: { $0.path == limit.path }) else { return caps.append(limit) }
            caps[index] = caps[index].tighter(limit)
        }
    }
}

extension IOCap {
    /// The lower of the caps of both, on the path of this one.
    func tighter(_ other: IOCap) -> IOCap {
        func least<Value: Comparable>(_ path: KeyPath<IOCap, Value?>) -> Value? {
            [self[keyPath: path], other[keyPath: path]].compactMap { $0 }.min()
        }
        return IOCap(
            path: path, readBandwidthMax: least(\.readBandwidthMax), writeBandwidthMax: least(\.writeBandwidthMax),
            readIOPSMax: least(\.readIOPSMax), writeIOPSMax: least(\.writeIOPSMax))
    }
}
