import Glibc
import JSONDocument
import Testing

/// State directories that cannot be used, and two people on one machine.
@Suite(.timeLimit(.minutes(2)))
struct StateDirectoryTests {
    let site: Site
    init() throws {
        site = try Site()
        try site.plugin("one", update: "touch '\(site.path)/ran'")
    }

    private var hasRun: Bool { access("\(site.path)/ran", F_OK) == 0 }

    @Test(
        "That of a newer program is refused with 2, and nothing in it is touched",
        arguments: ["run", "plan", "list", "logs"])
    func newer(command: String) throws {
        try site.write("state/version", "2\n")
        let options = command == "run" ? ["--yes"] : []
        let places = command == "logs" ? ["--state-dir", "\(site.path)/state"] : site.places
        let ended = try site.start([command] + options + places).finish()
        #expect(ended.code == 2)
        #expect(
            ended.errorText.contains("is of a newer update-all (version 2; this one knows 1)"), "\(ended.errorText)")
        #expect(!hasRun)
        #expect(try shell("ls '\(site.path)/state'") == "version\n")
    }

    @Test(
        "A read-only one ends a run with 1 and says what to do; a plan is made all the same",
        .enabled(if: geteuid() == 0, "mounts a file system: run it as root"))
    func readOnly() throws {
        // In a mount namespace of its own, which ends with the program.
        let script = "mount -t tmpfs -o ro,size=64k tmpfs '\(site.path)/state' && exec \"$0\" \"$@\""
        func start(_ arguments: [String]) throws -> Ended {
            try site.start(
                ["--mount", "sh", "-c", script, Site.executable] + arguments + site.places,
                executable: "/usr/bin/unshare"
            ).finish()
        }
        let run = try start(["run", "--yes"])
        #expect(run.code == 1)
        #expect(
            run.errorText.contains("Read-only file system. Choose another place with --state-dir"), "\(run.errorText)")
        #expect(!hasRun)
        let plan = try start(["plan"])
        #expect(plan.code == 0, "\(plan.errorText)")
    }

    @Test(
        "One on a full disk ends a run with 1 and says what to do, before anything is run",
        .enabled(if: geteuid() == 0, "mounts a file system: run it as root"))
    func full() throws {
        let script = """
            mount -t tmpfs -o size=16k tmpfs '\(site.path)/state' && head -c 100000 /dev/zero > '\(site.path)/state/full'
            exec "$0" "$@"
            """
        let ended = try site.start(
            ["--mount", "sh", "-c", script, Site.executable, "run", "--yes"] + site.places,
            executable: "/usr/bin/unshare"
        ).finish()
        #expect(ended.code == 1)
        #expect(ended.errorText.contains("No space left on device"), "\(ended.errorText)")
        #expect(ended.errorText.contains("--state-dir"), "\(ended.errorText)")
        #expect(!hasRun)
    }

    @Test(
        "Of two people's runs at once each waits for the mutex that the other holds, and runs",
        .enabled(if: geteuid() == 0, "starts programs as other accounts: run it as root"))
    func twoPeople() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        let mutex = "[mutexes]\nupdate = [\"app:two-people-\(site.name)\"]"
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)", tables: mutex)
        let other = try Site()
        try other.plugin("two", tables: mutex)
        let first = try site.startAsPerson("run", ["--yes", "--ui", "json"], user: 65534)
        _ = try begun.next()
        let second = try other.startAsPerson("run", ["--yes", "--ui", "json"], user: 1)
        try second.wait(for: "word that it waits") { program in
            try program.events.ofType("waiting", plugin: "two").contains {
                $0["for"]?.stringValue?.contains("held by pid \(first.pid), nobody") == true
            }
        }
        try gate.letGo()
        #expect(try first.finish().code == 0)
        let ended = try second.finish()
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(try ended.events.outcome("two") == "succeeded")
    }
}
