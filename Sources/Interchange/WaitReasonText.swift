// What a step waits for, as the contract spells it. The name of a mutex has no spaces, so that who holds it can follow.

import UpdateModel

private let mutexPrefix = "mutex:"
private let holderSeparator = " held by "

extension WaitReason {
    var text: String {
        switch self {
        case .mutex(let name): mutexPrefix + name
        case .memory: "memory"
        case .cpu: "cpu"
        case .downloads: "downloads"
        case .parallel: "parallel"
        case .pressure: "pressure"
        case .otherRun(let mutex, let holder): mutexPrefix + mutex + holderSeparator + holder
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
