import PluginProtocol
import TestSupport
import Testing
import UpdateModel

@Suite struct EstimateTests {
    private func decode(_ text: String, exit code: Int32 = 0) -> EstimateAnswer {
        EstimateAnswer(Answer(.exited(code), output: Array(text.utf8)))
    }

    private func estimate(_ data: String) throws -> Estimate {
        let answer = decode("{\"status\":\"success\",\"data\":\(data)}")
        guard case .updates(let estimate) = answer else {
            Issue.record("not an estimate: \(answer)")
            return Estimate()
        }
        return estimate
    }

    @Test func `The first shape is read`() throws {
        let found = try estimate(
            """
            {"total_bytes":3000,"package_count":2,"estimated_seconds":12.5,
             "packages":[{"name":"a","version":"2","size_bytes":1000,"url":"https://x"},{"name":"b"}]}
            """)
        var expected = Estimate()
        expected.packages = [
            Estimate.Package(name: "a", to: "2", download: ByteCount(1000)), Estimate.Package(name: "b"),
        ]
        expected.packageCount = 2
        expected.download = ByteCount(3000)
        expected.duration = .seconds(12.5)
        #expect(found == expected)
    }

    @Test func `The second shape is read, with our own fields`() throws {
        let found = try estimate(
            """
            {"applicable":true,"packages_to_update":[{"name":"a","current_version":"1","new_version":"2",
              "download_size_bytes":1000,"installed_size_bytes":4000}],
             "total_download_size_bytes":1000,"total_installed_size_bytes":4000,"estimated_time_seconds":60,
             "affects_runtimes":["python3"],"affects_applications":["firefox"],"requires_reboot":true,
             "security_updates":1,"memory_bytes":300000000,"cpus":1.5}
            """)
        var expected = Estimate()
        expected.packages = [
            Estimate.Package(name: "a", from: "1", to: "2", download: ByteCount(1000), installed: ByteCount(4000))
        ]
        expected.packageCount = 1
        expected.download = ByteCount(1000)
        expected.installed = ByteCount(4000)
        expected.duration = .seconds(60)
        expected.memory = ByteCount(300_000_000)
        expected.cpus = 1.5
        expected.securityUpdates = 1
        expected.requiresReboot = true
        expected.affectedRuntimes = ["python3"]
        expected.affectedApplications = ["firefox"]
        #expect(found == expected)
    }

    @Test func `Sizes of all packages give the total where it is missing`() throws {
        #expect(
            try estimate(#"{"packages":[{"name":"a","size_bytes":1},{"name":"b","size_bytes":2}]}"#).download
                == ByteCount(3))
        #expect(try estimate(#"{"packages":[{"name":"a","size_bytes":1},{"name":"b"}]}"#).download == nil)
        let huge = #"{"name":"a","size_bytes":9e18}"#
        #expect(try estimate("{\"packages\":[\(huge),\(huge)]}").download == ByteCount(.max))
    }

    @Test(
        "Not applicable, or no package and no bytes, is up to date",
        arguments: [
            #"{"applicable":false,"packages_to_update":[{"name":"a"}]}"#, #"{"packages":[]}"#,
            #"{"packages_to_update":[],"total_download_size_bytes":0}"#, #"{"package_count":0,"total_bytes":0}"#,
        ])
    func upToDate(data: String) {
        #expect(decode("{\"status\":\"success\",\"data\":\(data)}") == .upToDate)
    }

    @Test func `No package with bytes, or with a number, is an update`() throws {
        #expect(try estimate(#"{"packages":[],"total_bytes":5}"#).download == ByteCount(5))
        #expect(try estimate(#"{"packages":[],"package_count":3}"#).packageCount == 3)
        #expect(try estimate("{}") == Estimate())
    }

    @Test func `Values that cannot be are as if they were missing`() throws {
        let found = try estimate(
            """
            {"package_count":-1,"total_bytes":"5","estimated_seconds":1e300,"memory_bytes":0,"cpus":-1,
             "packages":["a",{"version":"1"},7],"security_updates":null,"affects_runtimes":[1]}
            """)
        #expect(found.packages.map(\.name) == ["a"])
        #expect(found.packageCount == 3)
        #expect(found.download == nil && found.duration == nil && found.memory == nil && found.cpus == nil)
        #expect(found.securityUpdates == nil && found.affectedRuntimes.isEmpty)
    }

    @Test func `Security updates are a number, a list, or whether there are any`() throws {
        #expect(try estimate(#"{"security_updates":4}"#).securityUpdates == 4)
        #expect(try estimate(#"{"security_updates":["a","b"]}"#).securityUpdates == 2)
        #expect(try estimate(#"{"security_updates":true}"#).securityUpdates == 1)
        #expect(try estimate(#"{"security_updates":false}"#).securityUpdates == 0)
    }

    @Test(
        "A reported error is transient by its code, whatever the exit",
        arguments: ["NETWORK_ERROR", "TIMEOUT", "TEMPORARY_FAILURE"], [0, 1, 3] as [Int32])
    func transient(code: String, exit: Int32) {
        let text = #"{"status":"error","data":null,"error":{"code":"\#(code)","message":"no route","details":"eth0"}}"#
        #expect(decode(text, exit: exit) == .transientError("\(code): no route: eth0"))
    }

    @Test func `Any other reported error is an error`() {
        let text = #"{"status":"error","data":null,"error":{"code":"BROKEN","message":"no database","details":null}}"#
        #expect(decode(text) == .error("BROKEN: no database"))
        #expect(decode(text, exit: 1) == .error("BROKEN: no database"))
        #expect(decode(#"{"status":"error"}"#) == .error("it reported an error and did not say which"))
    }

    @Test func `The exit code counts: 1 does not apply, 2 cannot tell, others are errors`() {
        #expect(decode("", exit: 1) == .notApplicable)
        #expect(decode("", exit: 2) == .notOffered)
        #expect(decode(#"{"status":"error","error":{"code":"TIMEOUT"}}"#, exit: 2) == .transientError("TIMEOUT"))
        #expect(decode(#"{"status":"not_applicable","data":null}"#) == .notApplicable)
        #expect(decode(#"{"status":"success","data":{}}"#, exit: 4) == .error("it exited with code 4"))
        #expect(
            EstimateAnswer(Answer(.exited(9), lastErrorLine: "E: lock")) == .error("it exited with code 9: E: lock"))
        #expect(EstimateAnswer(Answer(.signalled(9))) == .error("it was ended by signal 9"))
        #expect(EstimateAnswer(Answer(.timedOut(after: .seconds(90)))) == .error("Command timed out after 90s"))
    }

    @Test(
        "What is not one JSON text with data is unknown, with the reason",
        arguments: [
            ("", "its answer is empty"), ("\n \n", "its answer is empty"),
            ("Reading…\n{\"data\":{}}", "its answer is not one JSON text (1:1: expected a value, found 'R')"),
            ("{\"data\":{}}\ndone", "its answer is not one JSON text (2:1: expected the end of the text, found 'd')"),
            ("[]", "its answer has no object \"data\""),
            ("{\"status\":\"success\",\"data\":null}", "its answer has no object \"data\""),
        ])
    func unknown(text: String, reason: String) {
        #expect(decode(text) == .unknown(reason))
    }

    @Test func `An answer that was cut is unknown`() {
        #expect(
            EstimateAnswer(Answer(.exited(0), output: [0x7B], isCut: true))
                == .unknown("its answer is longer than the 4 MiB that are read"))
    }

    @Test func `Blanks around the JSON text are nothing`() {
        #expect(decode("\n {\"data\":{\"applicable\":false}}\n\n") == .upToDate)
    }

    @Test func `No answer makes it trap`() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let values = ["1e308", "-1", "null", "[]", "{}", "\"x\"", "true", "[null,{}]", "9223372036854775807", "0.1"]
        let keys = [
            "applicable", "packages", "packages_to_update", "total_bytes", "package_count", "estimated_seconds", "cpus",
            "memory_bytes", "security_updates", "requires_reboot", "estimated_time_seconds", "affects_runtimes",
        ]
        for _ in 0..<1000 {
            let members = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                "\"\(keys.randomElement(using: &random) ?? "")\":\(values.randomElement(using: &random) ?? "0")"
            }
            var bytes = Array("{\"data\":{\(members.joined(separator: ","))}}".utf8)
            if Bool.random(using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            let answer = EstimateAnswer(Answer(.exited(Int32.random(in: 0...3, using: &random)), output: bytes))
            if case .updates(let estimate) = answer {
                #expect((estimate.download?.bytes ?? 0) >= 0, "seed \(seed)")
            }
        }
    }
}
