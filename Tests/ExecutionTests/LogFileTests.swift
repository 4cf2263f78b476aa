import Glibc
import Interchange
import LinuxSystem
import RunPolicy
import SystemPackage
import TestSupport
import Testing
import UpdateModel

@testable import Execution

@Suite("A log of bounded size") struct LogFileTests {
    private let directory: TemporaryDirectory
    private var path: String { "\(directory.path)/log" }

    init() throws { directory = try TemporaryDirectory() }

    private func open(limit: Int64) throws -> LogFile {
        LogFile(try openFile(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600), limit: limit)
    }

    private func line(_ number: Int) -> String { "line \(number) of the log\n" }

    /// The numbers of the lines before and behind the mark, and the bytes that it says are missing.
    private func read() throws -> (before: [Int], missing: Int?, behind: [Int]) {
        var result: (before: [Int], missing: Int?, behind: [Int]) = ([], nil, [])
        for text in try text(path).split(separator: "\n") {
            let words = text.split(separator: " ")
            if text.hasPrefix("[update-all: ") {
                #expect(result.missing == nil, "marked twice")
                result.missing = Int(words[1])
            } else {
                let number = try #require(words.count == 5 ? Int(words[1]) : nil, "\(text)")
                if result.missing == nil { result.before.append(number) } else { result.behind.append(number) }
            }
        }
        return result
    }

    @Test("is whole as long as it fits, to the last byte")
    func whole() throws {
        let log = try open(limit: 4096)
        let bytes = [UInt8](repeating: 0x78, count: 1024)
        for _ in 0..<4 { try log.write(bytes) }
        #expect(try readFile(path) == [UInt8](repeating: 0x78, count: 4096))
        #expect(!log.hasRoom(for: 1))
    }

    @Test(
        "keeps its beginning and its end, whole lines of both, and says exactly how much is missing", arguments: 1...8)
    func cut(_ round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let limit = Int64.random(in: 4096...60_000, using: &generator)
        let log = try open(limit: limit)
        var (number, total) = (0, 0)
        var longest = 0
        for _ in 0..<(round * 300) {
            var piece = ""
            for _ in 0..<Int.random(in: 0...9, using: &generator) {
                piece += line(number)
                number += 1
            }
            try log.write(Array(piece.utf8))
            total += piece.utf8.count
            longest = max(longest, Int(try status(path).st_size))
        }
        #expect(longest <= Int(limit), "seed \(seed)")
        let (before, missing, behind) = try read()
        #expect(before == Array(0..<before.count), "seed \(seed)")
        guard Int64(total) > limit else {
            #expect(before.count == number && missing == nil, "seed \(seed)")
            return
        }
        // Half of the limit, less what a line and the mark need.
        #expect(before.map { line($0).utf8.count }.reduce(0, +) > Int(limit) / 2 - 100, "seed \(seed)")
        let first = try #require(behind.first, "seed \(seed)")
        #expect(behind == Array(first..<number), "seed \(seed)")
        #expect(missing == (before.count..<first).map { line($0).utf8.count }.reduce(0, +), "seed \(seed)")
        #expect(behind.map { line($0).utf8.count }.reduce(0, +) > Int(limit) / 8, "seed \(seed)")
    }

    @Test("cuts a line without an end as well, and one piece that is larger than the log")
    func oneLine() throws {
        let log = try open(limit: 8192)
        try log.write([UInt8](repeating: 0x61, count: 4000))
        try log.write([UInt8](repeating: 0x62, count: 100_000))
        try log.write(Array("end".utf8))
        let content = try readFile(path)
        #expect(content.count <= 8192)
        #expect(content.prefix(4000).allSatisfy { $0 == 0x61 })
        #expect(content.suffix(3) == Array("end".utf8))
        let mark = String(decoding: content.filter { $0 != 0x61 && $0 != 0x62 }, as: UTF8.self)
        #expect(mark.contains("ytes re missing here") || mark.contains("missing here"))
    }

    @Test("goes on where a try before it ended, and that counts")
    func secondTry() throws {
        do {
            let log = try open(limit: 4096)
            for number in 0..<100 { try log.write(Array(line(number).utf8)) }
        }
        let log = try open(limit: 4096)
        for number in 100..<1000 { try log.write(Array(line(number).utf8)) }
        #expect(try status(path).st_size <= 4096)
        let (before, missing, behind) = try read()
        #expect(before.first == 0 && missing != nil && behind.last == 999)
    }

    @Test("whoever else appends to it after a cut goes on at its end")
    func guardian() throws {
        let log = try open(limit: 4096)
        let other = try openFile(path, O_WRONLY | O_APPEND)
        for number in 0..<1000 { try log.write(Array(line(number).utf8)) }
        try writeAll(other.raw, Array(line(1000).utf8))
        #expect(try read().behind.last == 1000)
    }

    @Test("a writer with a limit keeps every log below it, whichever way its bytes come")
    func writer() throws {
        let writer = try LogWriter(limit: 5000)
        let log = writer.open(try openFile(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600))
        for number in 0..<5000 {
            let bytes = Array(line(number).utf8)
            _ = number % 3 == 0 ? writer.write(bytes, to: log) : writer.append(bytes, to: log)
        }
        writer.close(log)
        writer.stop(limit: .seconds(20))
        #expect(try status(path).st_size <= 5000)
        let (before, missing, behind) = try read()
        #expect(before.first == 0 && missing != nil && behind.last == 4999)
        #expect(behind == Array((behind.first ?? 0)...4999))
    }
}

@Suite("Old logs") struct LogRetentionTests {
    private let directory: TemporaryDirectory
    private let now = Timestamp(rfc3339: "2026-11-21T12:00:00.000Z")!

    init() throws { directory = try TemporaryDirectory() }

    private func add(_ run: String, bytes: Int = 10) throws {
        try directory.write("runs/\(run)/apt.execute.log", String(repeating: "x", count: bytes))
        try directory.write("runs/\(run)/events.jsonl", "")
    }

    private func apply(
        _ adjust: (inout LogSettings) -> Void = { _ in }, inUse: Set<String> = [], at moment: Timestamp? = nil
    ) throws -> [String] {
        var settings = LogSettings()
        adjust(&settings)
        let retention = LogRetention(directory: "\(directory.path)/runs", settings: settings) {
            inUse.contains($0.rawValue)
        }
        #expect(retention.apply(now: moment ?? now).isEmpty)
        return try directoryEntries("\(directory.path)/runs").sorted()
    }

    @Test("go by their age, but never the newest nor one in use, and nothing else that is there")
    func age() throws {
        for run in ["20260101-000000-1", "20260823-120001-1", "20260823-115959-1", "20260701-000000-7"] { try add(run) }
        try directory.write("runs/notes.txt", "mine")
        try directory.write("elsewhere/file", "mine")
        directory.link("runs/20250101-000000-5", to: "\(directory.path)/elsewhere")
        let left = try apply(inUse: ["20260701-000000-7"])
        // Of the link only the link itself goes.
        #expect(left == ["20260701-000000-7", "20260823-120001-1", "notes.txt"])
        #expect(try text("\(directory.path)/elsewhere/file") == "mine")
        #expect(try apply({ $0.keepDays = 1 }, inUse: []) == ["20260823-120001-1", "notes.txt"], "the newest stays")
    }

    @Test("go where all together are too large, the oldest first")
    func size() throws {
        for day in 1...9 { try add("2026110\(day)-000000-1", bytes: 1000) }
        #expect(try apply { $0.keepBytes = ByteCount(3500) }.count == 3)
        #expect(try apply { $0.keepBytes = ByteCount(3000) } == (7...9).map { "2026110\($0)-000000-1" })
        #expect(
            try apply({ $0.keepBytes = ByteCount(1) }, inUse: ["20261107-000000-1"]).count == 2, "newest, and in use")
    }

    @Test("what cannot be removed is said once, and where no run was there is nothing to say")
    func trouble() throws {
        #expect(LogRetention(directory: "/nowhere/runs", settings: LogSettings()) { _ in false }.apply(now: now) == [])
        try directory.write("runs", "a file")
        let said = LogRetention(directory: "\(directory.path)/runs", settings: LogSettings()) { _ in false }.apply(
            now: now)
        #expect(said.count == 1 && said[0].hasPrefix("old logs cannot be looked for in \(directory.path)/runs"))
    }

    @Test("looking and removing end in time, and what is left is for the next run")
    func bounded() throws {
        for day in 1...9 { try add("2026110\(day)-000000-1", bytes: 1000) }
        var settings = LogSettings()
        settings.keepBytes = ByteCount(1)
        var retention = LogRetention(directory: "\(directory.path)/runs", settings: settings) { _ in false }
        retention.timeLimit = .zero
        #expect(retention.apply(now: now).isEmpty)
        #expect(try directoryEntries("\(directory.path)/runs").count == 9)
    }
}
