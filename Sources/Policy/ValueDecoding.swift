// From a TOML value to the typed value of a key, or to a sentence that says what would be right.

import TomlDocument
import UpdateModel

/// Decodes the value of one key; what is wrong goes to `problems`, at the place where it is.
struct ValueDecoder {
    let key: PolicyKey
    let node: TomlNode
    private(set) var problems: [(position: TextPosition, message: String)] = []

    init(key: PolicyKey, node: TomlNode) {
        self.key = key
        self.node = node
    }

    mutating func decode() -> PolicyValue? {
        switch key {
        case .description, .extends: nonEmptyText()
        case .enforcement: choice(Enforcement.self)
        case .leftovers: choice(Leftovers.self)
        case .pty: choice(TerminalUse.self)
        case .action: choice(["slow", "freeze", "slow-then-freeze"])
        case .memoryHigh, .memoryMax: memory(allowsZero: false)
        case .memorySwapMax: memory(allowsZero: true)
        case .cpuQuota: cpuQuota()
        case .cpuWeight: cpuWeight()
        case .ioWeight: integer(1...10_000)
        case .io: caps()
        case .tasksMax: tasks()
        case .parallel, .downloads: integer(1...1024)
        case .oomRetry: integer(0...10)
        case .keepDays: integer(1...36_500)
        case .nice: integer(-20...19)
        case .downloadRate, .keepBytes: size(self.node, of: key.rawValue).map { .memory(.bytes($0)) }
        case .stepBytes: logSize()
        case .downloadEnforce, .finishBy, .noNewPrivileges, .selfUpdate: boolean()
        case .cpuSome, .memorySome, .ioSome: pressure()
        case .loadPerCPU: positiveNumber()
        case .stopGrace, .waitTimeout, .resumeAfter: duration(allowsZero: true)
        case .timeout: duration(allowsZero: false)
        case .beforeRun, .afterRun, .sudoPrograms: texts("an absolute path without \"..\"", isAbsolutePath)
        case .cgroups: texts("a path below the cgroup mount, such as \"system.slice/nginx.service\"", isCgroupPath)
        case .allow: texts("a window such as \"Mon..Fri 22:00-05:00\"") { WeekWindows.parse($0) != nil }
        case .capabilities: capabilities()
        case .runAs: account()
        case .sha256: checksum()
        }
    }

    // MARK: Reports

    /// `"memory_max" must be a size …, not "1 gigabyte" (did you mean "1G"?)`.
    private mutating func expect(
        _ expectation: String, at other: TomlNode? = nil, name: String? = nil, meant: String? = nil
    ) {
        let node = other ?? self.node
        let hint = meant.map { " (did you mean \($0)?)" } ?? ""
        let subject = name ?? key.rawValue
        problems.append((node.position, "\"\(subject)\" must be \(expectation), not \(Self.shown(node))\(hint)"))
    }

    private static func shown(_ node: TomlNode) -> String {
        switch node.content {
        case .string(let text): "\"\(text.count > 60 ? "\(text.prefix(60))…" : text)\""
        case .integer(let number): "\(number)"
        case .float(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .dateTime, .array, .table: node.kind
        }
    }

    private var text: String? { if case .string(let text) = node.content { text } else { nil } }
    private var number: Int64? { if case .integer(let number) = node.content { number } else { nil } }

    // MARK: Plain values

    private mutating func nonEmptyText() -> PolicyValue? {
        if let text, !text.isEmpty { return .text(text) }
        expect("a text")
        return nil
    }

    private mutating func boolean() -> PolicyValue? {
        if case .boolean(let flag) = node.content { return .boolean(flag) }
        let meant = text.flatMap { ["true", "false"].contains($0.lowercased()) ? $0.lowercased() : nil }
        expect("true or false", meant: meant)
        return nil
    }

    private mutating func integer(_ range: ClosedRange<Int64>) -> PolicyValue? {
        if let number, range.contains(number) { return .integer(number) }
        expect("an integer, \(range.lowerBound)…\(range.upperBound)", meant: integerMeant(range))
        return nil
    }

    /// `"20"` for 20.
    private func integerMeant(_ range: ClosedRange<Int64>) -> String? {
        text.flatMap { Int64($0) }.flatMap { range.contains($0) ? "\($0)" : nil }
    }

    private mutating func positiveNumber() -> PolicyValue? {
        switch node.content {
        case .integer(let number) where number > 0: return .number(Double(number))
        case .float(let number) where number > 0 && number.isFinite: return .number(number)
        default:
            expect("a number above 0, such as 1.5")
            return nil
        }
    }

    private mutating func choice<Choice>(_ type: Choice.Type) -> PolicyValue?
    where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
        choice(Choice.allCases.map(\.rawValue))
    }

    private mutating func choice(_ names: [String]) -> PolicyValue? {
        if let text, names.contains(text) { return .text(text) }
        let meant = text.flatMap { nearestName(to: $0, in: names) }.map { "\"\($0)\"" }
        expect("one of \(names.map { "\"\($0)\"" }.joined(separator: ", "))", meant: meant)
        return nil
    }

    private mutating func texts(_ expectation: String, _ isValid: (String) -> Bool) -> PolicyValue? {
        guard case .array(let elements) = node.content else {
            expect("a list, each \(expectation)")
            return nil
        }
        var texts: [String] = []
        for element in elements {
            if case .string(let text) = element.content, isValid(text) {
                texts.append(text)
            } else {
                expect("a list, each \(expectation)", at: element)
            }
        }
        return texts.count == elements.count ? .texts(texts) : nil
    }

    // MARK: Quantities

    private mutating func duration(allowsZero: Bool) -> PolicyValue? {
        if let text, let duration = Self.duration(text, allowsZero: allowsZero) { return .duration(duration) }
        let meant = durationMeant(allowsZero: allowsZero)
        expect("a duration\(allowsZero ? "" : " above 0") such as \"90s\", \"10m\" or \"1h30m\"", meant: meant)
        return nil
    }

    private static func duration(_ text: String, allowsZero: Bool) -> Duration? {
        guard let duration = Duration(text: text), allowsZero || duration > .zero else { return nil }
        return duration
    }

    /// `"5m"` for "5min", `"90s"` for the number 90: the first letter of each unit.
    private func durationMeant(allowsZero: Bool) -> String? {
        guard let compact = text.map({ $0.lowercased().filter { $0 != " " } }) ?? number.map({ "\($0)s" }) else {
            return nil
        }
        let letters = compact.indices.filter {
            compact[$0].isNumber || $0 == compact.startIndex || compact[compact.index(before: $0)].isNumber
        }
        let short = String(letters.map { compact[$0] })
        return Self.duration(short, allowsZero: allowsZero).map { _ in "\"\(short)\"" }
    }

    private mutating func memory(allowsZero: Bool) -> PolicyValue? {
        if let text {
            if text == "infinity" { return .memory(.infinity) }
            if let share = percentage(text), share.value <= 1, allowsZero || share.value > 0 {
                return .memory(.share(share))
            }
            if let size = ByteCount(text: text), allowsZero || size.bytes > 0 { return .memory(.bytes(size)) }
        } else if let number, allowsZero ? number >= 0 : number > 0 {
            return .memory(.bytes(ByteCount(number)))
        }
        let above = allowsZero ? "" : " above 0"
        expect(
            "a size\(above) such as \"512M\" or \"1.5G\", a share of the memory such as \"25%\", or \"infinity\"",
            meant: sizeMeant(node))
        return nil
    }

    /// A size above 0 as such: bytes, or bytes a second.
    private mutating func size(_ node: TomlNode, of name: String) -> ByteCount? {
        switch node.content {
        case .string(let text):
            if let size = ByteCount(text: text), size.bytes > 0 { return size }
        case .integer(let number) where number > 0: return ByteCount(number)
        default: break
        }
        expect("a size above 0 such as \"80M\" or \"1.5G\"", at: node, name: name, meant: sizeMeant(node))
        return nil
    }

    /// A log needs room for a beginning, an end and the line between them.
    private mutating func logSize() -> PolicyValue? {
        guard let size = size(node, of: key.rawValue) else { return nil }
        if size.bytes >= 4096 { return .memory(.bytes(size)) }
        expect("a size of at least \"4K\"")
        return nil
    }

    /// `"512M"` for `512MB`, `512 MiB`, `512m`; `"25%"` for a share by itself is not guessed.
    private func sizeMeant(_ node: TomlNode) -> String? {
        guard case .string(let text) = node.content else { return nil }
        var compact = text.uppercased().filter { $0 != " " }
        for suffix in ["/S", "IB", "B"] where compact.hasSuffix(suffix) { compact.removeLast(suffix.count) }
        guard compact != text, let size = ByteCount(text: compact), size.bytes > 0 else { return nil }
        return "\"\(compact)\""
    }

    private mutating func pressure() -> PolicyValue? {
        if let text, let share = percentage(text), share.value > 0, share.value <= 1 { return .share(share) }
        expect("a share of the time above 0%, such as \"20%\"", meant: percentMeant(upTo: 100))
        return nil
    }

    /// `"20%"` for 20 and `"20"`.
    private func percentMeant(upTo bound: Int64) -> String? {
        (number ?? text.flatMap { Int64($0) }).flatMap { (1...bound).contains($0) ? "\"\($0)%\"" : nil }
    }

    private mutating func cpuQuota() -> PolicyValue? {
        if let text {
            if text == "infinity" { return .cpu(.infinity) }
            let suffix = " of machine"
            if text.hasSuffix(suffix) {
                if let share = percentage(text.dropLast(suffix.count)), share.value > 0, share.value <= 1 {
                    return .cpu(.machine(share))
                }
            } else if let share = percentage(text), share.value > 0 {
                return .cpu(.cpus(share))
            }
        }
        expect(
            "a share of one CPU above 0% such as \"150%\", \"50% of machine\", or \"infinity\"",
            meant: percentMeant(upTo: 100_000))
        return nil
    }

    private mutating func cpuWeight() -> PolicyValue? {
        if text == "idle" { return .cpuWeight(.idle) }
        if let number, (1...10_000).contains(number) { return .cpuWeight(.weight(Int(number))) }
        let meant = integerMeant(1...10_000) ?? text.flatMap { nearestName(to: $0, in: ["idle"]) }.map { "\"\($0)\"" }
        expect("1…10000 or \"idle\"", meant: meant)
        return nil
    }

    private mutating func tasks() -> PolicyValue? {
        if text == "infinity" { return .tasks(nil) }
        // pid_max is at most 2^22 (PID_MAX_LIMIT).
        if let number, (1...4_194_304).contains(number) { return .tasks(number) }
        expect("an integer, 1…4194304, or \"infinity\"", meant: integerMeant(1...4_194_304))
        return nil
    }

    // MARK: Names

    private mutating func capabilities() -> PolicyValue? {
        guard case .array(let elements) = node.content else {
            expect("a list of capabilities such as [\"cap_chown\"]")
            return nil
        }
        var names: [String] = []
        for element in elements {
            guard case .string(let text) = element.content else {
                expect("a list of capabilities such as [\"cap_chown\"]", at: element)
                continue
            }
            if let name = capabilityName(text) {
                names.append(name)
            } else {
                let meant = nearestCapabilityName(to: text).map { "\"\($0)\"" }
                expect("a list of capabilities of capabilities(7)", at: element, meant: meant)
            }
        }
        return names.count == elements.count ? .texts(names) : nil
    }

    private mutating func account() -> PolicyValue? {
        if let text, isAccountName(text) { return .text(text) }
        expect("\"root\", \"user\" or the name of an account")
        return nil
    }

    private mutating func checksum() -> PolicyValue? {
        if let text, text.utf8.count == 64, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
            return .text(text.lowercased())
        }
        expect("64 hexadecimal digits, as sha256sum prints them")
        return nil
    }

    // MARK: io = [{ path = "/", … }]

    private mutating func caps() -> PolicyValue? {
        guard case .array(let elements) = node.content else {
            expect("a list such as [{ path = \"/\", write_bandwidth_max = \"40M\" }]")
            return nil
        }
        let caps = elements.compactMap { cap($0) }
        return caps.count == elements.count && problems.isEmpty ? .caps(caps) : nil
    }

    private mutating func cap(_ element: TomlNode) -> IOCap? {
        guard case .table(let table) = element.content else {
            expect("a list of tables such as { path = \"/\", write_bandwidth_max = \"40M\" }", at: element)
            return nil
        }
        let before = problems.count
        var cap = IOCap(path: "")
        let names = ["path", "read_bandwidth_max", "write_bandwidth_max", "read_iops_max", "write_iops_max"]
        for entry in table.entries {
            switch entry.key {
            case "path": cap.path = path(entry.value) ?? ""
            case "read_bandwidth_max": cap.readBandwidthMax = size(entry.value, of: entry.key)
            case "write_bandwidth_max": cap.writeBandwidthMax = size(entry.value, of: entry.key)
            case "read_iops_max": cap.readIOPSMax = iops(entry)
            case "write_iops_max": cap.writeIOPSMax = iops(entry)
            default:
                let message = "unknown key \"\(entry.key)\" in \"io\"\(didYouMean(entry.key, in: names))"
                problems.append((entry.keyPosition, message))
            }
        }
        if table["path"] == nil {
            problems.append((element.position, "\"io\" needs a \"path\" on the disk to limit, such as \"/\""))
        } else if table.entries.count == 1 {
            let limits = names.dropFirst().joined(separator: ", ")
            problems.append((element.position, "\"io\" limits nothing here: give one of \(limits)"))
        }
        return problems.count == before ? cap : nil
    }

    private mutating func path(_ node: TomlNode) -> String? {
        if case .string(let text) = node.content, isAbsolutePath(text) { return text }
        expect("an absolute path without \"..\"", at: node, name: "path")
        return nil
    }

    private mutating func iops(_ entry: TomlEntry) -> Int64? {
        if case .integer(let number) = entry.value.content, number > 0 { return number }
        expect("an integer above 0: operations a second", at: entry.value, name: entry.key)
        return nil
    }
}
