// What an update would bring, as a plugin estimates it.

import JSONDocument
import UpdateModel

/// What there is to update. `nil`: not said.
public struct Estimate: Hashable, Sendable {
    public struct Package: Hashable, Sendable {
        public var name: String
        public var from: String?
        public var to: String?
        public var download: ByteCount?
        public var installed: ByteCount?

        public init(
            name: String, from: String? = nil, to: String? = nil, download: ByteCount? = nil,
            installed: ByteCount? = nil
        ) {
            self.name = name
            self.from = from
            self.to = to
            self.download = download
            self.installed = installed
        }
    }

    public var packages: [Package] = []
    /// May be known where the packages' names are not.
    public var packageCount: Int64?
    public var download: ByteCount?
    public var installed: ByteCount?
    /// From the start of `update` to its end.
    public var duration: Duration?
    public var memory: ByteCount?
    public var cpus: Double?
    public var securityUpdates: Int64?
    public var requiresReboot = false
    /// Runtimes that are replaced (`python3.11`), and applications that have to restart.
    public var affectedRuntimes: [String] = []
    public var affectedApplications: [String] = []

    public init() {}
}

/// The answer to `estimate-update` or `estimate-download`.
public enum EstimateAnswer: Hashable, Sendable {
    case updates(Estimate)
    case upToDate
    case notApplicable
    /// The plugin cannot tell, which is an answer like any other, or does not know the question. The update runs.
    case notOffered
    /// Its answer cannot be understood: why, as a clause. The update runs.
    case unknown(String)
    /// It may go better when asked again: the network, a timeout.
    case transientError(String)
    case error(String)

    /// Only an output that is one JSON text as a whole is taken: a part of one may be of something else.
    /// - Parameter isKnown: whether the plugin knows the command. Exit code 1 of one that does says that nothing applies;
    ///   of one that does not, that it was asked for something unknown.
    public init(_ answer: Answer, isKnown: Bool = true) {
        let value = Result { () throws(JSONError) in try JSONValue(parsing: answer.output) }
        let reported = (try? value.get()).flatMap(Self.reportedStatus)
        switch answer.reply {
        case .exit(0):
            if let reported {
                self = reported
            } else if answer.isCut {
                self = .unknown("its answer is longer than the 4 MiB that are read")
            } else {
                self = Self.success(answer, value)
            }
        case .exit(1):
            // A program that reports an error in JSON speaks of that error, whatever it exits with.
            self = reported ?? (isKnown ? .notApplicable : .notOffered)
        case .exit(2):
            self = reported ?? .notOffered
        case .exit(let code):
            self = reported ?? .error("it exited with code \(code)" + answer.quotation)
        case .missing(let reason):
            self = .error(reason)
        }
    }

    private static func success(_ answer: Answer, _ value: Result<JSONValue, JSONError>) -> EstimateAnswer {
        if answer.output.allSatisfy({ " \t\r\n".utf8.contains($0) }) { return .unknown("its answer is empty") }
        switch value {
        case .failure(let error): return .unknown("its answer is not one JSON text (\(error))")
        case .success(let value):
            guard let data = value["data"], case .object = data else {
                return .unknown("its answer has no object \"data\"")
            }
            return decode(data)
        }
    }

    /// `nil` where the answer's `status` is not that of an error or of a plugin that does not apply.
    private static func reportedStatus(_ value: JSONValue) -> EstimateAnswer? {
        let status = value["status"]?.stringValue
        if status == "not_applicable" { return .notApplicable }
        guard status == "error" else { return nil }
        let code = value["error"]?["code"]?.stringValue
        let said = [code, value["error"]?["message"]?.stringValue, value["error"]?["details"]?.stringValue]
        let text = said.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")
        let message = text.isEmpty ? "it reported an error and did not say which" : text
        let transient: Set = ["NETWORK_ERROR", "TIMEOUT", "TEMPORARY_FAILURE"]
        return code.map(transient.contains) ?? false ? .transientError(message) : .error(message)
    }

    private static func decode(_ data: JSONValue) -> EstimateAnswer {
        if data["applicable"]?.boolValue == false { return .upToDate }
        let list = (data["packages_to_update"] ?? data["packages"])?.arrayValue
        var estimate = Estimate()
        estimate.packages = (list ?? []).compactMap(Estimate.Package.init)
        estimate.packageCount = data.count("package_count") ?? list.map { Int64($0.count) }
        estimate.download =
            data.bytes("total_download_size_bytes", "total_bytes")
            ?? .total(of: estimate.packages.map(\.download), count: list?.count)
        estimate.installed =
            data.bytes("total_installed_size_bytes")
            ?? .total(of: estimate.packages.map(\.installed), count: list?.count)
        estimate.duration = (data["estimated_time_seconds"] ?? data["estimated_seconds"])?.duration
        estimate.memory = data.bytes("memory_bytes").flatMap { $0.bytes > 0 ? $0 : nil }
        estimate.cpus = data["cpus"]?.doubleValue.flatMap { $0 > 0 && $0 <= 4096 ? $0 : nil }
        estimate.securityUpdates = data["security_updates"]?.amount
        estimate.requiresReboot = data["requires_reboot"]?.boolValue ?? false
        estimate.affectedRuntimes = data["affects_runtimes"]?.strings ?? []
        estimate.affectedApplications = data["affects_applications"]?.strings ?? []
        let isEmpty = estimate.packageCount == 0 && (estimate.download?.bytes ?? 0) == 0
        return isEmpty ? .upToDate : .updates(estimate)
    }
}

extension Estimate.Package {
    /// A package in either shape, or its bare name.
    fileprivate init?(_ value: JSONValue) {
        guard let name = value.stringValue ?? value["name"]?.stringValue else { return nil }
        self.init(
            name: name, from: value["current_version"]?.stringValue,
            to: (value["new_version"] ?? value["version"])?.stringValue,
            download: value.bytes("download_size_bytes", "size_bytes"), installed: value.bytes("installed_size_bytes"))
    }
}

extension ByteCount {
    /// The sum, where all of `count` sizes are known and there are any.
    fileprivate static func total(of sizes: [ByteCount?], count: Int?) -> ByteCount? {
        let known = sizes.compactMap(\.self)
        guard let count, count > 0, known.count == count else { return nil }
        return ByteCount(
            known.reduce(0) { sum, size in
                let (total, overflows) = sum.addingReportingOverflow(size.bytes)
                return overflows ? .max : total
            })
    }
}

extension JSONValue {
    fileprivate func count(_ key: String) -> Int64? { self[key]?.wholeCount }

    /// The first of the members that is a size.
    fileprivate func bytes(_ keys: String...) -> ByteCount? {
        keys.lazy.compactMap { count($0) }.first.map(ByteCount.init)
    }

    /// Seconds, not negative. A year is the most: what is longer is a mistake, and overflows somewhere.
    fileprivate var duration: Duration? {
        guard let seconds = doubleValue, seconds >= 0, seconds < 3.2e7 else { return nil }
        return .seconds(seconds)
    }

    /// A number of things, given as a number, as their list, or as whether there are any.
    fileprivate var amount: Int64? {
        if let flag = boolValue { return flag ? 1 : 0 }
        return arrayValue.map { Int64($0.count) } ?? wholeCount
    }
}
