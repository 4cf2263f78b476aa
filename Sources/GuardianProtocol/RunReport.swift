// What the guardian notes when update-all dies, for the next run to tell. The file is there from the run's beginning and
// is removed at its clean end; it only ever grows, so that whatever interrupts it leaves what was noted before.

import UpdateModel

/// What happened in a run that did not end by itself. A file of lines in the state directory:
/// ```
/// run=20261121-073012-4711
/// died_ms=1795246211000                                     update-all was found gone
/// killed=npm/download                                       one for each step that was ended
/// commit=apt/execute                                        one for each protected phase that went on
/// commit_ended=apt/execute log=cut output=abandoned         what became of it
/// problem=cannot kill /sys/fs/cgroup/…: EACCES              in words
/// finished_ms=1795246213000                                 the guardian had nothing more to do
/// ```
/// Lines of other kinds are passed over, so that a newer guardian's report can be read.
public struct RunReport: Equatable, Sendable {
    /// A protected phase that outlived update-all.
    public struct Commit: Equatable, Sendable {
        public var step: StepID
        /// The guardian saw its end.
        public var hasEnded = false
        /// The log lacks something, since it could not be written.
        public var isLogCut = false
        /// A process that it left behind kept its output open, and nobody reads that any more.
        public var isOutputAbandoned = false

        public init(step: StepID) { self.step = step }
    }

    public var run: RunID
    /// When update-all was found gone; `nil` where the guardian did not live to see it: the machine went down, or
    /// both were killed.
    public var death: Timestamp?
    public var killed: [StepID] = []
    public var commits: [Commit] = []
    public var problems: [String] = []
    /// When the guardian had nothing more to do; `nil` while it has, or where it was killed as well.
    public var finish: Timestamp?

    /// The name of a run's report.
    public static func fileName(run: RunID) -> String { "\(run).report" }

    /// The run whose report has this name; `nil` where it is a name of something else.
    public static func run(fileName: String) -> RunID? {
        fileName.hasSuffix(".report") ? RunID(fileName.dropLast(7)) : nil
    }

    /// One thing that is noted.
    public enum Entry: Equatable, Sendable {
        case run(RunID)
        case death(Timestamp)
        case killed(StepID)
        case commit(StepID)
        case commitEnded(StepID, isLogCut: Bool, isOutputAbandoned: Bool)
        case problem(String)
        case finish(Timestamp)

        /// The line, with its line feed.
        public var line: String {
            switch self {
            case .run(let run): "run=\(run)\n"
            case .death(let time): "died_ms=\(time.millisecondsSince1970)\n"
            case .killed(let step): "killed=\(step)\n"
            case .commit(let step): "commit=\(step)\n"
            case .commitEnded(let step, let isLogCut, let isOutputAbandoned):
                "commit_ended=\(step) log=\(isLogCut ? "cut" : "whole") "
                    + "output=\(isOutputAbandoned ? "abandoned" : "ended")\n"
            case .problem(let text): "problem=\(text.split(whereSeparator: \.isNewline).joined(separator: " "))\n"
            case .finish(let time): "finished_ms=\(time.millisecondsSince1970)\n"
            }
        }

        init?(line: String) {
            guard let equals = line.firstIndex(of: "=") else { return nil }
            let key = line[..<equals]
            let rest = line[line.index(after: equals)...]
            let fields = KeyedLine(line)
            let step = fields.text(String(key)).flatMap { StepID(text: $0) }
            let time = Int64(rest).map { Timestamp(millisecondsSince1970: $0) }
            let entry: Self? =
                switch key {
                case "run": RunID(rest).map { .run($0) }
                case "died_ms": time.map { .death($0) }
                case "killed": step.map { .killed($0) }
                case "commit": step.map { .commit($0) }
                case "commit_ended":
                    step.map {
                        .commitEnded(
                            $0, isLogCut: fields.text("log") == "cut",
                            isOutputAbandoned: fields.text("output") == "abandoned")
                    }
                case "problem": .problem(String(rest))
                case "finished_ms": time.map { .finish($0) }
                default: nil
                }
            guard let entry else { return nil }
            self = entry
        }
    }

    public init(run: RunID) { self.run = run }

    /// Reads a report; never fails, since half a report is worth telling too.
    public init(run: RunID, content: [UInt8]) {
        self.run = run
        var noted = Noted()
        for line in content.split(separator: 0x0A) {
            if let entry = Entry(line: String(decoding: line, as: UTF8.self)) { note(entry, &noted) }
        }
    }

    /// The steps that were read so far, found in a time that does not grow with their number.
    private struct Noted {
        var killed: Set<StepID> = []
        /// Indices into `commits`.
        var commits: [StepID: Int] = [:]
    }

    private mutating func note(_ entry: Entry, _ noted: inout Noted) {
        switch entry {
        case .run: break  // the file's name says it as well
        case .death(let time): death = time
        case .killed(let step): if noted.killed.insert(step).inserted { killed.append(step) }
        case .commit(let step): _ = commit(of: step, &noted)
        case .commitEnded(let step, let isLogCut, let isOutputAbandoned):
            let index = commit(of: step, &noted)
            commits[index].hasEnded = true
            commits[index].isLogCut = isLogCut
            commits[index].isOutputAbandoned = isOutputAbandoned
        case .problem(let text): problems.append(text)
        case .finish(let time): finish = time
        }
    }

    /// The index of a step's commit, which is added where there is none.
    private mutating func commit(of step: StepID, _ noted: inout Noted) -> Int {
        if let index = noted.commits[step] { return index }
        noted.commits[step] = commits.count
        commits.append(Commit(step: step))
        return commits.count - 1
    }
}
