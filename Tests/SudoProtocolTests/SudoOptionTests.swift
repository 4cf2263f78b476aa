import SudoProtocol
import Testing

@Suite("A step's sudo reads its command line as sudo does")
struct SudoOptionTests {
    private func read(_ line: String) throws -> SudoInvocation {
        try SudoInvocation(line.split(separator: " ").map(String.init))
    }

    @Test(
        "what runs a program",
        arguments: [
            ("apt-get update", ["apt-get", "update"]), ("-n apt-get -y upgrade", ["apt-get", "-y", "upgrade"]),
            ("-nH -- apt-get", ["apt-get"]), ("-u root /usr/bin/id -u", ["/usr/bin/id", "-u"]),
            ("-uroot id", ["id"]), ("-u #0 id", ["id"]), ("--user=root id", ["id"]), ("--user root id", ["id"]),
            ("-k id", ["id"]), ("-S -p prompt id", ["id"]), ("-pprompt -A id", ["id"]), ("--non-inter id", ["id"]),
            ("-nu root id", ["id"]), ("-- -E", ["-E"]), ("- x", ["-", "x"]), ("./a=b", ["./a=b"]),
        ])
    func runs(line: String, command: [String]) throws {
        #expect(try read(line) == .run(program: command[0], arguments: Array(command.dropFirst())))
    }

    @Test(
        "what runs nothing",
        arguments: [
            ("-v", SudoInvocation.validate), ("-nv", .validate), ("-k", .forget), ("-K", .forget), ("-V", .version),
            ("--version", .version), ("-h", .usage), ("", .usage), ("-n", .usage), ("--", .usage),
        ])
    func runsNothing(line: String, meaning: SudoInvocation) throws {
        #expect(try read(line) == meaning)
    }

    @Test(
        "what it cannot keep to it refuses, and says why",
        arguments: [
            ("-E id", "-E is not taken"), ("-nE id", "-E is not taken"), ("--preserve-env id", "--preserve-env"),
            ("--preserve-env=PATH id", "--preserve-env"), ("-u bob id", "-u bob: commands run as root"),
            ("-ubob id", "-u bob"), ("-u", "needs a value"), ("-u#1000 id", "-u #1000"), ("-i", "no shell"),
            ("-s", "no shell"), ("-e /etc/passwd", "only programs"), ("-g adm id", "root's group"),
            ("-D /tmp id", "with cd"), ("-R /x id", "-R"), ("-l", "policy explain"), ("-b id", "foreground"),
            ("-C 3 id", "standard streams"), ("-T 3 id", "timeout"), ("-U bob id", "-U"), ("-r x id", "-r"),
            ("-t x id", "-t"), ("-P id", "-P"), ("--host=x id", "--host"), ("--pre id", "no option --pre"),
            ("LD_PRELOAD=/tmp/x id", "variables are not passed on"), ("-v id", "runs nothing"), ("-q id", "-q"),
            ("--no-such id", "--no-such"), ("-K id", "runs nothing"), ("-h host id", "runs nothing"),
        ])
    func refuses(line: String, why: String) {
        let refusal = #expect(throws: SudoOptionRefusal.self) { try read(line) }
        #expect(refusal?.reason.contains(why) == true, "\(refusal?.reason ?? "")")
    }

    @Test("an option behind the program is the program's own")
    func behind() throws {
        #expect(try read("id -E -u bob") == .run(program: "id", arguments: ["-E", "-u", "bob"]))
        #expect(try read("env A=b") == .run(program: "env", arguments: ["A=b"]))
    }
}
