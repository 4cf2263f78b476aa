import Glibc
import JSONDocument
import Testing

/// Plugins as they were written for the program that the protocol comes from: alone, without a manifest.
@Suite("Plugins without a manifest", .timeLimit(.minutes(2)))
struct PluginProtocolTests {
    let site: Site
    init() throws { site = try Site() }

    private func write(_ name: String, _ text: String) throws { try site.write("plugins/\(name)", text, mode: 0o755) }

    /// A script with a case statement, the estimate with totals, and events on stderr.
    private let bash = #"""
        #!/bin/bash
        set -euo pipefail
        progress() { echo "PROGRESS:{\"phase\":\"$1\",\"percent\":$2,\"message\":\"$3\"}" >&2; }
        event() { echo "PROGRESS:{\"type\":\"$1\",\"phase\":\"$2\"$3}" >&2; }
        cmd_update() {
            if [[ "${1:-}" == "--dry-run" ]]; then
                echo "would update 2 packages"
                exit 0
            fi
            event phase_start execute ""
            for i in 1 2; do
                echo "[$i/2] Installing..."
                progress execute $((i * 50)) "Installing..."
            done
            event phase_end execute ',"success":true'
        }
        case "${1:-}" in
            is-applicable) exit 0 ;;
            does-require-sudo) exit 1 ;;
            can-separate-download) exit 0 ;;
            estimate-update)
                cat << EOF
        {
          "status": "success",
          "data": {"total_bytes": 70000000, "package_count": 2, "estimated_seconds": 30,
            "packages": [{"name": "alpha", "version": "1.0.0", "size_bytes": 70000000}]}
        }
        EOF
                ;;
            download) event phase_start download ""; progress download 100 "Downloading..."; ;;
            update) shift; cmd_update "$@" ;;
            *) echo "Unknown command: ${1:-}" >&2; exit 1 ;;
        esac
        """#

    /// The other estimate, bare progress objects, mutexes by command, unknown commands with exit code 2.
    private let python = #"""
        #!/usr/bin/env python3
        import json, sys

        def update():
            for percent in (50, 100):
                print(json.dumps({"type": "progress", "percent": percent, "message": "working"}), file=sys.stderr)
            print("updated", flush=True)

        commands = {
            "is-applicable": lambda: None,
            "estimate-update": lambda: print(json.dumps({"status": "success", "data": {
                "applicable": True, "total_download_size_bytes": 1000, "estimated_time_seconds": 10,
                "packages_to_update": [{"name": "a", "current_version": "1", "new_version": "2"}],
                "security_updates": True}})),
            "update-mutexes": lambda: print("runtime:python\npython-packages"),
            "runs-after": lambda: print("example-bash"),
            "does-require-sudo": lambda: sys.exit(1),
            "can-separate-download": lambda: sys.exit(1),
            "update": update,
        }
        if len(sys.argv) < 2 or sys.argv[1] not in commands:
            print("Unknown command", file=sys.stderr)
            sys.exit(2)
        commands[sys.argv[1]]()
        """#

    @Test("Scripts in bash and Python run unmodified, with estimates, downloads, events and mutexes")
    func examples() throws {
        try write("example-bash.sh", bash)
        try write("example-python.py", python)
        let events = try site.events()
        #expect(events.outcome("example-bash") == "succeeded")
        #expect(events.outcome("example-python") == "succeeded")
        let plan = try #require(events.ofType("plan").first)
        let steps = try #require(plan["steps"]?.arrayValue)
        #expect(
            Set(steps.compactMap { $0["id"]?.stringValue }) == [
                "example-bash/download", "example-bash/execute", "example-python/execute",
            ])
        let last = try #require(steps.last)
        #expect(last["id"]?.stringValue == "example-python/execute")
        #expect(last["mutexes"]?.arrayValue?.compactMap(\.stringValue) == ["python-packages", "runtime:python"])
        #expect(last["duration_seconds"]?.doubleValue == 10)
        for (plugin, percents) in [("example-bash", [100.0, 50, 100]), ("example-python", [50, 100])] {
            let progress = events.ofType("progress", plugin: plugin)
            #expect(progress.compactMap { $0["percent"]?.doubleValue } == percents)
        }
        let lines = events.ofType("output", plugin: "example-bash").compactMap { $0["line"]?.stringValue }
        #expect(lines == ["[1/2] Installing...", "[2/2] Installing..."])
    }

    @Test("A dry run asks only those that mention --dry-run")
    func dryRun() throws {
        try write("example-bash.sh", bash)
        try write("example-python.py", python)
        let ended = try site.run("run", "--dry-run", "--ui", "json")
        #expect(ended.code == 0)
        let events = try ended.events
        #expect(
            events.ofType("output").compactMap { $0["line"]?.stringValue } == ["would update 2 packages"])
        #expect(events.outcome("example-python") == "skipped")
    }

    @Test("A plugin that answers 1 to all that it does not know runs its update, without a word about it")
    func minimal() throws {
        try write("minimal", "#!/bin/sh\ncase $1 in is-applicable) ;; update) echo done ;; *) exit 1 ;; esac\n")
        let ended = try site.run("run", "--yes", "--ui", "json")
        #expect(ended.code == 0)
        #expect(ended.errorText == "")
        #expect(try ended.events.outcome("minimal") == "succeeded")
    }

    @Test("An error that may pass is asked about again, and not_applicable is an answer")
    func statuses() throws {
        try write(
            "passing",
            """
            #!/bin/sh
            case $1 in
            is-applicable) ;;
            estimate-update)
                test -e \(site.path)/second && exec echo '{"status":"success","data":{"package_count":1}}'
                touch \(site.path)/second
                echo '{"status":"error","data":null,"error":{"code":"NETWORK_ERROR","message":"no route"}}'
                exit 2 ;;
            update) echo done ;;
            *) exit 1 ;;
            esac
            """)
        try write(
            "elsewhere",
            """
            #!/bin/sh
            case $1 in
            is-applicable) ;;
            estimate-update) echo '{"status":"not_applicable","data":null}' ;;
            *) exit 1 ;;
            esac
            """)
        let events = try site.events()
        #expect(events.outcome("passing") == "succeeded")
        #expect(events.outcome("elsewhere") == "not_applicable")
    }

    @Test("A plugin gets the environment of the protocol, its settings, and hints from its limits, and nothing else")
    func environment() throws {
        try site.plugin(
            "env", update: "env; pwd",
            manifest: "environment = { GREETING = \"hi\" }\ndirectory = \"/usr\"\n",
            tables: "[settings]\n\"dist-upgrade\" = true\nname = \"x\"\n")
        try site.write(
            "policy.toml",
            """
            [run]
            parallel = 4
            downloads = 2
            download_rate = "20M"
            memory_high = "2G"
            [step]
            cpu_quota = "100%"
            memory_max = "1G"

            """)
        let ended = try site.start(
            ["run", "--yes", "--ui", "json"] + site.places,
            environment: ["SECRET": "x", "http_proxy": "http://p:1", "UPDATE_ALL_SCHEDULED": "1"]
        ).finish()
        let lines = try ended.events.ofType("output", plugin: "env").compactMap { $0["line"]?.stringValue }
        let variables = lines.filter { $0.contains("=") }
        let names = Set(variables.map { String($0.prefix { $0 != "=" }) }).subtracting(["_", "OLDPWD", "SHLVL"])
        #expect(
            names == [
                "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "PWD", "http_proxy", "HTTP_PROXY",
                "UPDATE_ALL_RUN_ID", "UPDATE_ALL_PHASE", "UPDATE_ALL_SCHEDULED", "UPDATE_ALL_PLUGIN_FILE",
                "UPDATE_ALL_PLUGIN_TMPDIR",
                "UPDATE_ALL_ENV_DIST_UPGRADE", "UPDATE_ALL_ENV_NAME", "UPDATE_ALL_CPUS", "UPDATE_ALL_MEMORY_BYTES",
                "UPDATE_ALL_DOWNLOAD_RATE_BYTES", "MAKEFLAGS", "CARGO_BUILD_JOBS", "GOMAXPROCS", "npm_config_jobs",
                "GREETING",
            ])
        for expected in [
            "UPDATE_ALL_ENV_DIST_UPGRADE=true", "GREETING=hi", "UPDATE_ALL_CPUS=1", "MAKEFLAGS=-j1", "LANG=C.UTF-8",
            "UPDATE_ALL_MEMORY_BYTES=1073741824", "UPDATE_ALL_DOWNLOAD_RATE_BYTES=10485760", "UPDATE_ALL_PHASE=execute",
        ] {
            #expect(variables.contains(expected), "\(expected)")
        }
        #expect(lines.last == "/usr")
    }

    @Test("A directory that is not there is said, with the step's failure")
    func missingDirectory() throws {
        try site.plugin("lost", manifest: "directory = \"/no/such/place\"")
        let events = try site.events(code: 1)
        let error = events.ofType("completion", plugin: "lost").first?["error"]?.stringValue
        #expect(error?.contains("/no/such/place") == true, "\(error ?? "")")
    }

    @Test("A locked file defers a step with exit code 75, and says who has it", .enabled(if: hasPython))
    func lockedFile() throws {
        let lock = try site.write("lock", "")
        let post = try site.signpost("post")
        let code =
            "import fcntl,sys,signal; f=open(sys.argv[1],'a'); fcntl.lockf(f,2); print(file=open(sys.argv[2],'w')); signal.pause()"
        let holder = try Program("/usr/bin/python3", ["-c", code, lock, post.path], environment: [:])
        #expect(try post.next() == "")
        try site.plugin("packages", tables: "[locks]\nupdate = [\"\(lock)\"]")
        try site.write("policy.toml", "[step]\nwait_timeout = \"200ms\"\n")
        let events = try site.events(code: 75)
        #expect(events.outcome("packages") == "deferred")
        let reason = events.ofType("waiting", plugin: "packages").first?["for"]?.stringValue
        #expect(reason?.hasPrefix("lock:\(lock) pid \(holder.pid) (python3") == true, "\(reason ?? "")")
        kill(holder.pid, SIGKILL)
        _ = try holder.finish()
    }

    private static let hasPython = access("/usr/bin/python3", X_OK) == 0

    @Test("What root must not trust is told with path and reason in list and plan", .enabled(if: geteuid() == 0))
    func trust() throws {
        try site.plugin("open", update: "touch \(site.path)/ran")
        chmod("\(site.path)/plugins/open", 0o775)
        let reason = "\(site.path)/plugins/open is not safe to run as root: it can be written by its group (mode 0775)"
        let listed = try #require(try site.run("list", "--format", "json").events.first?.arrayValue?.first)
        #expect(listed["trusted"]?.boolValue == false)
        #expect(listed["cannot_run"]?.stringValue?.hasPrefix(reason) == true)
        #expect(try site.run("list").text.contains(reason))
        #expect(try site.run("plan").text.replacing("\n", with: " ").contains("not safe to run as root"))
        #expect(try site.events(code: 1).outcome("open") == "failed")
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("A program without the protocol prints to a terminal where a person watches, and nobody answers it")
    func watched() throws {
        try write(
            "plain",
            """
            #!/bin/sh
            test -t 1 && echo shown
            test -t 0 || echo unanswered
            (: < /dev/tty) 2>/dev/null || echo alone
            """)
        try write(
            "speaking", "#!/bin/sh\ncase $1 in is-applicable) ;; update) test -t 1 || echo piped ;; *) exit 1;; esac\n")
        let program = try site.start("run", "--yes", streams: .terminal)
        _ = try program.finish()
        func log(_ plugin: String) throws -> String {
            String(decoding: try site.read("\(try site.runDirectory)/\(plugin).execute.log"), as: UTF8.self)
        }
        let plain = try log("plain")
        #expect(plain.contains("shown") && plain.contains("unanswered") && plain.contains("alone"), "\(plain)")
        #expect(try log("speaking") == "piped\n")
    }

    @Test("An installation without its policies is told so")
    func missingPolicies() throws {
        try shell("mkdir \(site.path)/bin && cp \(Site.executable) \(Site.executable)-guardian \(site.path)/bin/")
        try site.plugin("a")
        let places = site.places.filter { $0 != "--policy" && !$0.hasSuffix("policy.toml") }
        let ended = try site.start(["plan"] + places, executable: "\(site.path)/bin/update-all").finish()
        #expect(ended.errorText.contains("the shipped policies are missing (\(site.path)/share/update-all/policies)"))
    }
}
