import Glibc
import Testing

/// Whether the kernel takes a rule of a run's own, tried in a network namespace.
private let canLimit: Bool = {
    let answer = try? shell(
        """
        for group in '' unified; do
            [ "$(stat --file-system --format %T /sys/fs/cgroup/$group 2>/dev/null)" = cgroup2fs ] || continue
            unshare --net nft "table inet try { chain a { socket cgroupv2 level 0 \\"/$group\\" limit rate 1 bytes/second; }; }" \\
                && command -v python3 && break
        done
        """)
    return geteuid() == 0 && answer?.isEmpty == false
}()

/// `download_enforce` where it cannot be.
@Suite(.timeLimit(.minutes(2)))
struct DownloadLimitRefusalTests {
    @Test(
        "a person's run says that the kernel does it for root only, and which plugins do not keep to the rate; required, it is 3"
    )
    func person() throws {
        let site = try Site()
        try site.plugin("one")
        try site.plugin("two", manifest: "keeps_download_rate = true")
        let limits = ["--set", "run.download_rate=1M", "--set", "run.download_enforce=true"]
        let plan = try site.startAsPerson("plan", limits + ["--format", "json"]).finish()
        #expect(plan.code == 0, "\(plan.errorText)")
        let gaps = try #require(try plan.events.first?["not_enforced"]?.arrayValue)
        #expect(gaps.map { $0["control"]?.stringValue } == ["run.download_enforce", "run.download_rate"])
        #expect(gaps.first?["reason"]?.stringValue == "only root may have the kernel drop packets")
        #expect(gaps.last?["reason"]?.stringValue == "one does not say that what is downloaded keeps to it")
        let required = try site.startAsPerson("run", limits + ["--yes", "--set", "enforcement=required"]).finish()
        #expect(required.code == 3)
        #expect(required.errorText.contains("run.download_enforce = true: only root may have the kernel drop packets"))
    }
}

/// `download_enforce`, in a network namespace that has nothing but its loopback device.
@Suite(
    .timeLimit(.minutes(2)),
    .enabled(
        if: canLimit,
        "needs root, cgroup v2, python3, nft, and a kernel whose nftables match control groups; the kernel lab has none"
    ))
struct DownloadLimitTests {
    let site: Site
    /// Bytes that the plugin fetches, from itself.
    private static let size = 4_000_000

    init() throws {
        site = try Site()
        try site.write(
            "fetch.py",
            """
            import socket, threading
            listener = socket.create_server(("127.0.0.1", 0))
            def serve():
                connection, _ = listener.accept()
                with connection: connection.sendall(b"x" * \(Self.size))
            threading.Thread(target=serve).start()
            received = 0
            with socket.create_connection(listener.getsockname()) as connection:
                while block := connection.recv(65536): received += len(block)
            print(received)
            """)
        try site.plugin("fetch", update: "exec python3 \(site.path)/fetch.py")
    }

    /// Runs a script in a network namespace of its own, in which `$update_all` is the program with this site's places.
    private func isolated(_ script: String) throws -> String {
        let program = "\(Site.executable) run --yes --ui plain \(site.places.joined(separator: " "))"
        try site.write("script", "update_all='\(program)'\nip link set lo up\n\(script)\n")
        return try shell("unshare --net sh '\(site.path)/script' 2>&1")
    }

    /// For a step that looks at the kernel's tables itself, which root's steps may not.
    private let mayLook = "--set 'step.capabilities=[\"cap_net_admin\"]'"

    /// Of 4 MB a second's worth passes at once.
    private let limits = "--set run.download_rate=1M --set run.download_enforce=true"

    @Test("what a step receives is held to the rate, and the table goes with the run")
    func held() throws {
        let text = try isolated("date +%s%N; $update_all \(limits); date +%s%N; nft list tables; echo end")
        let lines = text.split(separator: "\n").map(String.init)
        let seconds = try (#require(lines.compactMap { Int($0) }.last) - #require(lines.first.flatMap { Int($0) }))
        #expect(seconds > 2_000_000_000, "\(text)")
        #expect(text.contains("fetch/execute | \(Self.size)\n"))
        #expect(!text.contains("Not enforced"))
        // Behind the second time there is no table.
        #expect(lines.suffix(2).first.flatMap { Int($0) } != nil && lines.last == "end", "\(text)")
    }

    @Test(
        "another rate that is set in the middle of a run takes the place of the first in the kernel, and goes with the run"
    )
    func changed() throws {
        try site.plugin(
            "fetch",
            update: """
                list() { nft list tables | while read -r table; do nft list $table; done | grep 'limit rate'; }
                list
                '\(Site.executable)' policy set --state-dir '\(site.path)/state' run.download_rate=2M
                list
                """)
        let text = try isolated("$update_all \(limits) \(mayLook); nft list tables; echo end")
        let rates = text.split(separator: "\n").filter { $0.contains("limit rate over") }
        #expect(rates.count == 2, "\(text)")
        #expect(rates.first?.contains("over 1 mbytes/second") == true, "\(text)")
        #expect(rates.last?.contains("over 2 mbytes/second") == true, "\(text)")
        #expect(text.contains("run.download_rate = \"2M\" (was \"1M\")") && text.hasSuffix("end\n"), "\(text)")
    }

    @Test("when update-all is killed the kernel forgets the table")
    func killed() throws {
        try site.plugin(
            "fetch",
            update: """
                cd \(site.path)
                nft list tables >tables
                for process in /proc/[0-9]*; do
                    grep -q '^Name:.nft$' $process/status && grep -q "^PPid:.$(cat pid)$" $process/status || continue
                    echo ${process#/proc/} >nft
                done
                kill -9 $(cat pid)
                exec sleep 60
                """)
        let text = try isolated(
            """
            $update_all \(limits) \(mayLook) & echo $! >\(site.path)/pid
            wait $!
            tail --pid="$(cat \(site.path)/nft)" -f /dev/null
            echo "left: $(nft list tables)"
            """)
        #expect(text.contains("left: \n"), "\(text)")
        let tables = String(decoding: try site.read("tables"), as: UTF8.self)
        #expect(tables.hasPrefix("table inet update-all.2"))
    }
}
