import Glibc
import TestSupport
import Testing
import UpdateModel

@testable import Sudoers

/// What a shell command prints, errors included.
private func output(of command: String, input: String) -> String {
    var name = Array("/tmp/update-all-sudoers-XXXXXX".utf8CString)
    let file = mkstemp(&name)
    let path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    defer { unlink(path) }
    var input = input
    _ = input.withUTF8 { write(file, $0.baseAddress, $0.count) }
    close(file)
    guard let stream = popen("{ \(command); } <'\(path)' 2>&1", "r") else { return "" }
    defer { pclose(stream) }
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while fread(&byte, 1, 1, stream) == 1 { text.append(byte) }
    return String(decoding: text, as: UTF8.self)
}

private let hasSudo = access("/usr/bin/cvtsudoers", X_OK) == 0 && access("/usr/sbin/visudo", X_OK) == 0

struct SudoersTextTests {
    private let pat = SudoersSubject(isGroup: false, name: "pat", number: 1000)

    private func rules(_ grants: [SudoersGrant], for subject: SudoersSubject) throws -> String {
        sudoersText(for: subject, helper: try SudoProgram("/usr/libexec/helper \"\""), grants: grants)
    }

    @Test("the helper's rule comes first, then each plugin's, none twice")
    func order() throws {
        let tool = try SudoProgram("/bin/tool")
        let text = try rules(
            [
                SudoersGrant(plugin: PluginName("a")!, programs: [tool, SudoProgram("/bin/other -x")]),
                SudoersGrant(plugin: PluginName("b")!, programs: [tool]),
            ], for: pat)
        #expect(
            text.split(separator: "\n").filter { !$0.hasPrefix("# Rules of") && !$0.hasPrefix("# A run") } == [
                "pat ALL=(root) NOPASSWD: /usr/libexec/helper \"\"", "# The plugin a.",
                "pat ALL=(root) NOPASSWD: /bin/tool", "pat ALL=(root) NOPASSWD: /bin/other -x",
            ])
    }

    @Test(
        "a name that could mean something else in sudoers is written as its number",
        arguments: [
            ("pat", "pat"), ("_apt-2", "_apt-2"), ("ALL", "#7"), ("ADMINS", "#7"), ("Pat", "#7"), ("+net", "#7"),
            ("DOMAIN\\pat", "#7"), ("a b", "#7"), ("pat@realm", "#7"), ("-x", "#7"), ("7up", "#7"), ("%adm", "#7"),
            ("", "#7"),
        ])
    func names(name: String, written: String) {
        #expect(SudoersSubject(isGroup: false, name: name, number: 7).text == written)
        #expect(SudoersSubject(isGroup: true, name: name, number: 7).text == "%" + written)
    }

    @Test(
        "visudo accepts any of it, and sudo reads exactly what was declared", .enabled(if: hasSudo, "sudo is missing"))
    func readBySudo() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let letters = Array("abzAZ09._-+~@%,:=#()'!&|;<>{}$`é*?[]^/")
        func word(_ generator: inout SeededGenerator) -> String {
            String(
                (0..<Int.random(in: 1...9, using: &generator)).map { _ in letters.randomElement(using: &generator)! })
        }
        var programs: [SudoProgram] = []
        while programs.count < 400 {
            let path = (0..<3).map { _ in word(&generator) }.joined(
                separator: Bool.random(using: &generator) ? "\\ " : "/")
            let arguments = (0..<Int.random(in: 0...3, using: &generator)).map { _ in word(&generator) }
            let none = Bool.random(using: &generator) ? [] : ["\"\""]
            let declaration = (["/" + path] + (arguments.isEmpty ? none : arguments)).joined(separator: " ")
            guard let program = try? SudoProgram(declaration), !programs.contains(program) else { continue }
            programs.append(program)
        }
        let text = try rules([SudoersGrant(plugin: PluginName("a")!, programs: programs)], for: pat)
        let checked = output(of: "/usr/sbin/visudo -cf -", input: text)
        #expect(checked.contains("parsed OK"), "seed \(seed): \(checked)")
        // sudo's own reading, as JSON.
        let read = output(of: "/usr/bin/cvtsudoers -f json -", input: text).split(separator: "\n").compactMap { line in
            line.split(separator: "\"command\": \"", maxSplits: 1).dropFirst().first.map { $0.dropLast("\" }".count) }
        }
        let meant = programs.map { program in
            program.arguments.map { [program.path] + ($0.isEmpty ? ["\\\"\\\""] : $0) } ?? [program.path]
        }.map { $0.joined(separator: " ") }
        #expect(read.dropFirst().map(String.init) == meant, "seed \(seed)")
    }
}
