import RunModel
import Testing

@testable import Privilege

@Suite("Ways to become root")
struct MethodTests {
    @Test(
        "each asks on the terminal where it must; all but pkexec on a terminal can be kept from asking",
        arguments: ElevationMethod.allCases)
    func commands(method: ElevationMethod) {
        let silent = method.silentCommand("/p", helper: "/h", hasTerminal: true)
        let asking = method.askingCommand("/p", helper: "/h", prompt: "why")
        #expect((silent == nil) == (method == .pkexec))
        #expect(method.silentCommand("/p", helper: "/h", hasTerminal: false)?.last == "/h")
        #expect(silent?.first ?? "/p" == "/p")
        #expect(silent?.last ?? "/h" == "/h")
        #expect(asking.first == "/p")
        #expect(asking.last == "/h")
        #expect(silent != asking)
    }

    @Test("sudo asks with our words and the name of the account whose password it wants")
    func prompt() {
        let command = ElevationMethod.sudo.askingCommand("/usr/bin/sudo", helper: "/h", prompt: "root for apt")
        #expect(command == ["/usr/bin/sudo", "-p", "root for apt (password of %p): ", "--", "/h"])
    }

    @Test("pkexec asks itself only where no agent does")
    func agent() {
        func command(hasAgent: Bool) -> [String] {
            ElevationMethod.pkexec.askingCommand("/p", helper: "/h", prompt: "", hasAgent: hasAgent)
        }
        #expect(command(hasAgent: false) == ["/p", "/h"])
        #expect(command(hasAgent: true) == ["/p", "--disable-internal-agent", "/h"])
    }

    @Test("the rule for sudo lets the helper be started without arguments, and nothing else")
    func rule() {
        #expect(
            ElevationMethod.sudo.rule(user: "alice", helper: "/h")?.hasPrefix("alice ALL=(root) NOPASSWD: /h \"\"")
                == true)
    }

    @Test("the plugins that the helper runs are those beside it and the administrator's")
    func directories() {
        let elevation = Elevation(
            method: .sudo, program: "/usr/bin/sudo", helper: "/opt/u/libexec/update-all/update-all-helper")
        #expect(elevation.pluginDirectories == ["/opt/u/share/update-all/plugins", "/etc/update-all/plugins.d"])
    }
}
