// What a step waits for, as the contract spells it. The name of a mutex has no spaces, so that who holds it can follow;
// behind a path, which can have any, it is what follows the first of the words that begin a holder.

import RunModel

private let mutexPrefix = "mutex:"
private let holderSeparator = " held by "
private let lockPrefix = "lock:"
private let holderBeginnings = [" pid ", " another program"]

extension WaitReason {
    var text: String {
        switch self {
        case .mutex(let name): mutexPrefix + name
        case .memory: "memory"
        case .cpu: "cpu"
        case .downloads: "downloads"
        case .parallel: "parallel"
        case .pressure: "pressure"
        case .pause: "pause"
        case .window: "window"
        case .otherRun(let mutex, let holder): mutexPrefix + mutex + holderSeparator + holder
        case .lockedFile(let path, let holder): "\(lockPrefix)\(path) \(holder)"
        }
    }

    /// `nil` where this version does not know the reason.
    init?(text: String) {
        switch text {
        case "memory": self = .memory
        case "cpu": self = .cpu
        case "downloads": self = .downloads
        case "parallel": self = .parallel
        case "pressure": self = .pressure
        case "pause": self = .pause
        case "window": self = .window
        case _ where text.hasPrefix(lockPrefix):
            let path = text.dropFirst(lockPrefix.count)
            let holder = holderBeginnings.compactMap { path.firstRange(of: $0)?.lowerBound }.min()
            guard let holder else { return nil }
            self = .lockedFile(path: String(path[..<holder]), holder: String(path[holder...].dropFirst()))
        default:
            guard text.hasPrefix(mutexPrefix) else { return nil }
            let name = text.dropFirst(mutexPrefix.count)
            guard let separator = name.firstRange(of: holderSeparator) else {
                self = .mutex(String(name))
                return
            }
            self = .otherRun(
                mutex: String(name[..<separator.lowerBound]), holder: String(name[separator.upperBound...]))
        }
    }
}
