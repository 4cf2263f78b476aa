import RunModel
import Testing
import UpdateModel

@testable import Interchange

@Suite("check --format json") struct CheckDocumentTests {
    @Test("has what is known, and leaves out what is not")
    func members() {
        var apt = PluginCheck(plugin: PluginName("apt")!, state: .updates)
        apt.packages = [
            PendingPackage(name: "a", from: "1", to: "2", fetch: ByteCount(5)), PendingPackage(name: "b"),
        ]
        apt.packageCount = 2
        apt.securityUpdates = 1
        apt.fetch = ByteCount(7)
        apt.duration = .seconds(90)
        apt.requiresReboot = true
        var bytes: [UInt8] = []
        let other = PluginCheck(plugin: PluginName("git")!, state: .failed, reason: "no network")
        appendLine(of: UpdateCheck(hostName: "h", plugins: [apt, other], expectedSeconds: 90), to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"version":1,"host":"h","updates_available":true,"fetch_bytes":7,"expected_seconds":90,"#
                + #""plugins":[{"plugin":"apt","state":"updates","packages":[{"name":"a","from":"1","to":"2","#
                + #""fetch_bytes":5},{"name":"b"}],"package_count":2,"security_updates":1,"fetch_bytes":7,"#
                + #""expected_seconds":90,"reboot_required":true},"#
                + #"{"plugin":"git","state":"failed","reason":"no network"}]}"# + "\n")
    }

    @Test("without updates says so, and has no size")
    func nothing() {
        var bytes: [UInt8] = []
        appendLine(of: UpdateCheck(hostName: "h", plugins: [], expectedSeconds: nil), to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"version":1,"host":"h","updates_available":false,"plugins":[]}"# + "\n")
    }
}

@Suite("config show --format json") struct ConfigurationDocumentTests {
    @Test("is an array of values, with a line where they stand in a file")
    func members() {
        let values = [
            ConfiguredValue(key: "policy", value: "p", layer: "etc", file: "/etc/c", line: 3),
            ConfiguredValue(key: "display.ui", value: "auto", layer: "built-in", file: "built-in", line: nil),
        ]
        var bytes: [UInt8] = []
        appendLine(of: values, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"[{"key":"policy","value":"p","layer":"etc","file":"/etc/c","line":3},"#
                + #"{"key":"display.ui","value":"auto","layer":"built-in","file":"built-in"}]"# + "\n")
    }
}

@Suite("doctor --format json") struct DoctorDocumentTests {
    @Test("has each mechanism, and whether a run can begin")
    func members() {
        let mechanisms = [
            Mechanism("pidfd", .ok, "there"), Mechanism("state", .broken, "full", mend: "make room"),
            Mechanism("pressure", .missing, "none", loss: "p loses nothing by it"),
        ]
        var bytes: [UInt8] = []
        appendLine(of: mechanisms, hostName: "h", to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"version":1,"host":"h","ready":false,"mechanisms":["#
                + #"{"name":"pidfd","state":"ok","finding":"there"},"#
                + #"{"name":"state","state":"broken","finding":"full","mend":"make room"},"#
                + #"{"name":"pressure","state":"missing","finding":"none","loss":"p loses nothing by it"}]}"# + "\n")
    }
}
