// Replies as bytes: the version, the kind, then the fields in order.

import UpdateModel

extension HelperReply {
    private enum Kind: UInt8 {
        case ready = 1, applied, launched, notLaunched, running, ended, done, refused, failed
    }

    private var kind: Kind {
        switch self {
        case .ready: .ready
        case .applied: .applied
        case .launched: .launched
        case .notLaunched: .notLaunched
        case .running: .running
        case .ended: .ended
        case .done: .done
        case .refused: .refused
        case .failed: .failed
        }
    }

    /// The reply as bytes, or `nil` where one of its fields is longer than it may be.
    public func encoded() -> [UInt8]? {
        var wire = WireWriter(version: HelperRequest.version, kind: kind.rawValue)
        switch self {
        case .ready(let site): wire.put(site)
        case .applied(let writes, let deviations):
            wire.put(writes, count: HelperRequest.maximumWrites)
            wire.put(deviations, count: HelperRequest.maximumWrites)
        case .launched(let process): wire.put(process)
        case .notLaunched(let failure): wire.put(failure)
        case .ended(let ending): wire.put(ending)
        case .refused(let reason): wire.put(reason, atMost: Self.maximumTextSize)
        case .failed(let attempt, let errno):
            wire.put(attempt, atMost: Self.maximumTextSize)
            wire.put(errno)
        case .running, .done: break
        }
        return wire.isWithinLimits && wire.bytes.count <= Self.maximumSize ? wire.bytes : nil
    }

    /// The reply that `bytes` are, or `nil` where they are none.
    public init?(bytes: [UInt8]) {
        guard bytes.count <= Self.maximumSize else { return nil }
        var wire = WireReader(bytes)
        guard wire.byte() == HelperRequest.version, let kind = wire.byte().flatMap(Kind.init),
            let reply = Self.read(kind, from: &wire), wire.isAtEnd
        else { return nil }
        self = reply
    }

    private static func read(_ kind: Kind, from wire: inout WireReader) -> Self? {
        switch kind {
        case .ready: return Site(from: &wire).map { .ready($0) }
        case .applied:
            guard let writes: [ControlWrite] = wire.fields(count: HelperRequest.maximumWrites),
                let deviations: [LimitDeviation] = wire.fields(count: HelperRequest.maximumWrites)
            else { return nil }
            return .applied(writes, deviations: deviations)
        case .launched: return wire.number(Int32.self).flatMap { $0 > 1 ? .launched(process: $0) : nil }
        case .notLaunched: return LaunchFailure(from: &wire).map { .notLaunched($0) }
        case .running: return .running
        case .ended: return ProcessEnding(from: &wire).map { .ended($0) }
        case .done: return .done
        case .refused: return wire.text(atMost: maximumTextSize).map { .refused($0) }
        case .failed:
            guard let attempt = wire.text(atMost: maximumTextSize), let errno = wire.number(Int32.self) else {
                return nil
            }
            return .failed(attempt, errno: errno)
        }
    }
}

extension HelperReply.Site: WireField {
    func write(to wire: inout WireWriter) {
        wire.put(path: mount)
        wire.put(path: path)
        wire.put(controllers.map(\.rawValue).sorted(), count: Controller.allCases.count, atMost: 16)
        wire.put(missingControllerReason, atMost: HelperReply.maximumTextSize)
        wire.put(missingControlFiles.sorted(), count: HelperRequest.maximumWrites, atMost: 64)
    }

    init?(from wire: inout WireReader) {
        guard let mount = wire.path(), let path = wire.path(),
            let names = wire.texts(count: Controller.allCases.count, atMost: 16), names == names.sorted(),
            let reason = wire.text(atMost: HelperReply.maximumTextSize),
            let files = wire.texts(count: HelperRequest.maximumWrites, atMost: 64), files == files.sorted()
        else { return nil }
        let controllers = Set(names.compactMap { Controller(rawValue: $0) })
        guard controllers.count == names.count, Set(files).count == files.count else { return nil }
        self.init(
            mount: mount, path: path, controllers: controllers, missingControllerReason: reason,
            missingControlFiles: Set(files))
    }
}

extension HelperReply.LaunchFailure: WireField {
    func write(to wire: inout WireWriter) {
        wire.put(executable, atMost: HelperRequest.maximumPathSize)
        wire.put(byte: stage)
        wire.put(attempt, atMost: HelperReply.maximumTextSize)
        wire.put(errno)
        wire.put(advice, atMost: HelperReply.maximumTextSize)
    }

    init?(from wire: inout WireReader) {
        guard let executable = wire.text(atMost: HelperRequest.maximumPathSize), let stage = wire.byte(),
            let attempt = wire.text(atMost: HelperReply.maximumTextSize), let errno = wire.number(Int32.self),
            let advice = wire.text(atMost: HelperReply.maximumTextSize)
        else { return nil }
        self.init(executable: executable, stage: stage, attempt: attempt, errno: errno, advice: advice)
    }
}

extension HelperReply.ProcessEnding: WireField {
    func write(to wire: inout WireWriter) {
        wire.put(status)
        wire.put(isSignal)
        for number in [userTime, systemTime, peakResident] { wire.put(number) }
        wire.put(failure) { $0.put($1) }
    }

    init?(from wire: inout WireReader) {
        guard let status = wire.number(Int32.self), let isSignal = wire.flag(), let userTime = wire.number(Int64.self),
            let systemTime = wire.number(Int64.self), let peakResident = wire.number(Int64.self),
            let failure = wire.optional({ HelperReply.LaunchFailure(from: &$0) })
        else { return nil }
        self.init(
            status: status, isSignal: isSignal, userTime: userTime, systemTime: systemTime,
            peakResident: peakResident, failure: failure)
    }
}

extension String {
    /// As much of it as fits into `limit` bytes, without a NUL byte, which no text of the protocol has.
    public func fitting(_ limit: Int) -> String {
        let clean = utf8.contains(0) ? replacing("\0", with: "\u{FFFD}") : self
        guard clean.utf8.count > limit else { return clean }
        var size = 0
        let end = clean.unicodeScalars.firstIndex { scalar in
            size += UTF8.width(scalar)
            return size > limit
        }
        return String(clean.unicodeScalars[..<(end ?? clean.unicodeScalars.endIndex)])
    }
}
