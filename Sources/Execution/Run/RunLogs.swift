// The logs of earlier runs, and of the one in progress.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// Reads what runs have left below the log directory.
public struct RunLogs {
    private let places: Places

    public init(places: Places) { self.places = places }

    private var directory: String { "\(places.logs)/runs" }

    /// A run that has logs: the one with this name, or the newest.
    /// - Throws: exit code 2 where there is none.
    public func run(named name: RunID?) throws(RunError) -> RunID {
        let runs = ((try? directoryEntries(directory)) ?? []).compactMap { RunID($0) }.sorted()
        if let name {
            guard runs.contains(name) else {
                throw RunError(
                    .usage, "there is no run \(name) in \(directory); the newest is \(runs.last?.rawValue ?? "none")")
            }
            return name
        }
        guard let newest = runs.last else { throw RunError(.usage, "there is no run in \(directory) yet") }
        return newest
    }

    /// Hands over the logs of a run piece by piece, in the order in which its steps began, or while they grow.
    /// - Parameters:
    ///   - plugin: its steps' logs only.
    ///   - following: go on until the run is over.
    public func print(
        _ run: RunID, plugin: PluginName?, following: Bool, _ take: (_ step: String, _ bytes: [UInt8]) -> Void
    ) throws(RunError) {
        let path = "\(directory)/\(run)"
        let isEmpty: Bool
        do throws(Errno) {
            let change = try following ? DirectoryChange(path) : nil
            var reader = LogReader(path: path, plugin: plugin)
            while true {
                // Asked before the logs are read: what a run writes last is then not missed.
                let isOver = change == nil || !(run.processID.map(processExists) ?? false)
                try reader.readOn(take)
                if isOver { break }
                change?.wait(limit: .seconds(1))
            }
            isEmpty = reader.isEmpty
        } catch {
            throw RunError(.failure, "\(path) cannot be read: \(error)")
        }
        if isEmpty, let plugin { throw RunError(.usage, "the run \(run) has no log of \(plugin): it did not run then") }
    }
}

/// Reads the logs of one run from where it stopped last.
private struct LogReader {
    let path: String
    let plugin: PluginName?
    private var offsets: [String: Int] = [:]

    init(path: String, plugin: PluginName?) {
        self.path = path
        self.plugin = plugin
    }

    var isEmpty: Bool { offsets.isEmpty }

    /// The logs' names with their places in the order in which their steps began, as the journal has it. A step that it
    /// does not have comes last: the journal may be cut, or its line not written yet.
    private func stepsInOrder() -> [String: Int] {
        var order: [String: Int] = [:]
        guard var journal = try? JournalReader(path: "\(path)/events.jsonl", firstSeq: 0) else { return order }
        while let events = try? journal.next(limit: 1000), !events.isEmpty {
            for event in events {
                guard let plugin = event.plugin, case .phaseStart(let start) = event.body else { continue }
                let name = "\(plugin).\(start.phase).log"
                order[name] = order[name] ?? order.count
            }
        }
        return order
    }

    /// A plugin's name may begin with another's and a dot.
    private func isLog(_ name: String, of plugin: PluginName) -> Bool {
        Phase.allCases.contains { name == "\(plugin).\($0).log" }
    }

    mutating func readOn(_ take: (String, [UInt8]) -> Void) throws(Errno) {
        let names = try directoryEntries(path).filter { name in
            name.hasSuffix(".log") && (plugin.map { plugin in isLog(name, of: plugin) } ?? true)
        }
        let begun = stepsInOrder()
        func rank(_ name: String) -> Int { begun[name] ?? begun.count }
        for name in names.sorted(by: { (rank($0), $0) < (rank($1), $1) }) {
            let file = try openFile("\(path)/\(name)", O_RDONLY)
            let length = Int(lseek(file.raw, 0, SEEK_END))
            if let read = offsets[name], length < read {
                // Its middle was cut meanwhile; the end that moved was read before, but for what came in between.
                take(String(name.dropLast(4)), Array("[update-all: the middle of this log was cut]\n".utf8))
                offsets[name] = length
            }
            lseek(file.raw, off_t(offsets[name, default: 0]), SEEK_SET)
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
            defer { chunk.deallocate() }
            offsets[name] = offsets[name] ?? 0
            while case let count = try readBytes(file.raw, into: chunk), count > 0 {
                offsets[name, default: 0] += count
                take(String(name.dropLast(4)), Array(chunk[..<count]))
            }
        }
    }
}

/// Waits for a directory's files to change.
private final class DirectoryChange {
    private let notification: OwnedDescriptor

    init(_ path: String) throws(Errno) {
        let raw = inotify_init1(O_NONBLOCK | O_CLOEXEC)  // IN_NONBLOCK, IN_CLOEXEC
        if raw < 0 { throw Errno(rawValue: errno) }
        notification = OwnedDescriptor(owning: raw)
        let events = UInt32(IN_MODIFY | IN_CREATE)
        if inotify_add_watch(raw, path, events) < 0 { throw Errno(rawValue: errno) }
    }

    func wait(limit: Duration) {
        var ready = pollfd(fd: notification.raw, events: Int16(POLLIN), revents: 0)
        _ = poll(&ready, 1, CInt(limit.inSeconds * 1000))
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = read(notification.raw, &buffer, buffer.count)
    }
}
