// Requests as bytes: the version, the kind, then the fields in order.

import UpdateModel

extension HelperRequest {
    /// The first byte of every request and reply. A helper of another build is refused by it.
    public static let version: UInt8 = 1

    private enum Kind: UInt8 {
        case begin = 1, makeGroup, limit, kill, freeze, remove, launch, signal, signalAll, reap, finish, sudo
    }

    private var kind: Kind {
        switch self {
        case .begin: .begin
        case .makeGroup: .makeGroup
        case .limit: .limit
        case .kill: .kill
        case .freeze: .freeze
        case .remove: .remove
        case .launch: .launch
        case .sudo: .sudo
        case .signal: .signal
        case .signalAll: .signalAll
        case .reap: .reap
        case .finish: .finish
        }
    }

    /// The request as bytes, or `nil` where one of its fields is longer than it may be.
    public func encoded() -> [UInt8]? {
        var wire = WireWriter(version: Self.version, kind: kind.rawValue)
        switch self {
        case .begin(let run, let callback):
            wire.put(run.rawValue, atMost: 64)
            wire.put(callback) { $0.put($1) }
        case .makeGroup(let group, let writes):
            wire.put(group)
            wire.put(writes, count: Self.maximumWrites)
        case .remove(let group): wire.put(group)
        case .limit(let place, let writes):
            wire.put(place)
            wire.put(writes, count: Self.maximumWrites)
        case .kill(let place): wire.put(place)
        case .freeze(let isFrozen): wire.put(isFrozen)
        case .launch(let launch): wire.put(launch)
        case .sudo(let command): wire.put(command)
        case .signal(let process, let number):
            wire.put(process)
            wire.put(number)
        case .signalAll(let group, let number):
            wire.put(group)
            wire.put(number)
        case .reap(let process): wire.put(process)
        case .finish: break
        }
        return wire.isWithinLimits && wire.bytes.count <= Self.maximumSize ? wire.bytes : nil
    }

    /// The request that `bytes` are, or `nil` where they are none: of another version, cut, too long, or with a field that
    /// cannot be.
    public init?(bytes: [UInt8]) {
        guard bytes.count <= Self.maximumSize else { return nil }
        var wire = WireReader(bytes)
        guard wire.byte() == Self.version, let kind = wire.byte().flatMap(Kind.init),
            let request = Self.read(kind, from: &wire), wire.isAtEnd
        else { return nil }
        self = request
    }

    private static func read(_ kind: Kind, from wire: inout WireReader) -> Self? {
        switch kind {
        case .begin:
            guard let run = wire.text(atMost: 64).flatMap({ RunID($0) }),
                let callback = wire.optional({ HelperCallback(from: &$0) })
            else { return nil }
            return .begin(run, callback: callback)
        case .makeGroup:
            guard let group = StepGroup(from: &wire), let writes: [ControlWrite] = wire.fields(count: maximumWrites)
            else { return nil }
            return .makeGroup(group, writes)
        case .limit:
            guard let place = GroupPlace(from: &wire), let writes: [ControlWrite] = wire.fields(count: maximumWrites)
            else { return nil }
            return .limit(place, writes)
        case .kill: return GroupPlace(from: &wire).map { .kill($0) }
        case .freeze: return wire.flag().map { .freeze($0) }
        case .remove: return StepGroup(from: &wire).map { .remove($0) }
        case .launch: return HelperLaunch(from: &wire).map { .launch($0) }
        case .sudo: return HelperSudo(from: &wire).map { .sudo($0) }
        case .signal:
            guard let process = readProcess(&wire), let number = readSignal(&wire) else { return nil }
            return .signal(process: process, number: number)
        case .signalAll:
            guard let group = StepGroup(from: &wire), let number = readSignal(&wire) else { return nil }
            return .signalAll(group, number: number)
        case .reap: return readProcess(&wire).map { .reap(process: $0) }
        case .finish: return .finish
        }
    }

    /// 0 and below mean process groups to kill(2), 1 is init: never a step.
    private static func readProcess(_ wire: inout WireReader) -> Int32? {
        wire.number(Int32.self).flatMap { $0 > 1 ? $0 : nil }
    }

    private static func readSignal(_ wire: inout WireReader) -> Int32? {
        wire.number(Int32.self).flatMap { signals.contains($0) ? $0 : nil }
    }
}

extension HelperCallback: WireField {
    func write(to wire: inout WireWriter) {
        guard nonce.count == Self.nonceSize else { return wire.refuse() }
        wire.put(path: directory)
        for byte in nonce { wire.put(byte: byte) }
    }

    init?(from wire: inout WireReader) {
        guard let directory = wire.path() else { return nil }
        var nonce: [UInt8] = []
        for _ in 0..<Self.nonceSize {
            guard let byte = wire.byte() else { return nil }
            nonce.append(byte)
        }
        self.init(directory: directory, nonce: nonce)
    }
}

extension HelperLaunch: WireField {
    func write(to wire: inout WireWriter) {
        wire.put(group)
        wire.put(program)
        wire.put(byte: terminal.rawValue)
        wire.put(hasExitRecord)
        guard !hasProgram || program.isOwn else { return wire.refuse() }
        wire.put(hasProgram)
        wire.put(nice) { $0.put($1) }
        wire.put(isIdle)
        wire.put(noNewPrivileges)
    }

    init?(from wire: inout WireReader) {
        guard let group = StepGroup(from: &wire), let program = Program(from: &wire),
            let terminal = wire.byte().flatMap({ Terminal(rawValue: $0) }), let hasExitRecord = wire.flag(),
            let hasProgram = wire.flag(),
            let nice = wire.optional({ wire in wire.number(Int32.self).flatMap { (-20...19).contains($0) ? $0 : nil } }
            ),
            let isIdle = wire.flag(), let noNewPrivileges = wire.flag(), !hasProgram || program.isOwn
        else { return nil }
        self.init(
            group: group, program: program, terminal: terminal, hasExitRecord: hasExitRecord, nice: nice,
            isIdle: isIdle, noNewPrivileges: noNewPrivileges)
        self.hasProgram = hasProgram
    }
}

extension HelperLaunch.Program: WireField {
    fileprivate var isOwn: Bool {
        switch self {
        case .own: true
        case .plugin: false
        }
    }

    func write(to wire: inout WireWriter) {
        switch self {
        case .plugin(let executable, let isDryRun, let hints):
            wire.put(byte: 0)
            wire.put(path: executable)
            wire.put(isDryRun)
            wire.put(hints.cpus) { $0.put($1) }
            wire.put(hints.memory) { $0.put($1) }
            wire.put(hints.downloadRate) { $0.put($1) }
        case .own(let executable, let arguments, let environment, let directory):
            let size = (arguments + environment).reduce(0) { $0 + $1.utf8.count + 1 }
            guard size <= HelperRequest.maximumStringsSize else { return wire.refuse() }
            wire.put(byte: 1)
            wire.put(path: executable)
            for strings in [arguments, environment] {
                wire.put(strings, count: HelperRequest.maximumStrings, atMost: HelperRequest.maximumStringsSize)
            }
            wire.put(path: directory)
        }
    }

    init?(from wire: inout WireReader) {
        switch wire.byte() {
        case 0:
            func positive<Number: FixedWidthInteger>(_ wire: inout WireReader) -> Number? {
                wire.number(Number.self).flatMap { $0 > 0 ? $0 : nil }
            }
            guard let executable = wire.path(), let isDryRun = wire.flag(),
                let cpus: Int32? = wire.optional(positive), let memory: Int64? = wire.optional(positive),
                let rate: Int64? = wire.optional(positive)
            else { return nil }
            let hints = HelperLaunch.Hints(cpus: cpus, memory: memory, downloadRate: rate)
            self = .plugin(executable: executable, isDryRun: isDryRun, hints: hints)
        case 1:
            let (count, size) = (HelperRequest.maximumStrings, HelperRequest.maximumStringsSize)
            guard let executable = wire.path(), let arguments = wire.texts(count: count, atMost: size),
                let environment = wire.texts(count: count, atMost: size),
                (arguments + environment).reduce(0, { $0 + $1.utf8.count + 1 }) <= size, let directory = wire.path()
            else { return nil }
            self = .own(
                executable: executable, arguments: arguments, environment: environment, directory: directory)
        default: return nil
        }
    }
}

extension HelperSudo: WireField {
    func write(to wire: inout WireWriter) {
        let size = arguments.reduce(program.utf8.count) { $0 + $1.utf8.count + 1 }
        guard size <= HelperRequest.maximumStringsSize else { return wire.refuse() }
        wire.put(group)
        wire.put(program, atMost: HelperRequest.maximumPathSize)
        wire.put(arguments, count: HelperRequest.maximumStrings, atMost: HelperRequest.maximumStringsSize)
    }

    init?(from wire: inout WireReader) {
        let (count, size) = (HelperRequest.maximumStrings, HelperRequest.maximumStringsSize)
        guard let group = StepGroup(from: &wire), let program = wire.text(atMost: HelperRequest.maximumPathSize),
            let arguments = wire.texts(count: count, atMost: size),
            arguments.reduce(program.utf8.count, { $0 + $1.utf8.count + 1 }) <= size
        else { return nil }
        self.init(group: group, program: program, arguments: arguments)
    }
}
