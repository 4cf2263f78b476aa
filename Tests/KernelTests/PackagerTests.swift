import LinuxSystem
import RunModel
import Testing

/// Bundled plugins of package managers that are not this machine's own: each with a root or an installation behind a
/// repository, in the limits of a real kernel.
@Suite("The plugins of other package managers upgrade a root", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"))
struct PackagerTests {
    private let program: Program
    private var system: String { "\(program.top)/system" }

    init() throws { program = try Program() }

    /// Installs the plugin, with settings in the place of those of its manifest.
    private func install(_ name: String, settings: [String: String] = [:]) throws {
        try shell(
            "cd '\(Program.sources)/contrib/plugins' && cp *.sh \(name) \(name).toml \(program.top)/plugins/")
        for (key, value) in settings {
            try shell("sed -i 's,^\(key) = .*,\(key) = \"\(value)\",' \(program.top)/plugins/\(name).toml")
        }
    }

    /// Makes the repository, and the root that is behind it.
    private func makeSystem(_ kind: String) throws {
        try shell("'\(Program.sources)/Tests/Contrib/support/make-\(kind)-repository' \(system)")
    }

    /// That both steps ended well, and the packages that the result names.
    private func expectUpgrade(_ name: String) throws {
        let run = try program.run()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.starts(name).map(\.phase) == [.download, .execute])
        #expect(run.end(name)?.outcome == .succeeded)
        let packages = try #require(run.result).packages
        #expect(packages.contains(UpdatedPackage(name: "demo-library", from: "1.0-1", to: "2.0-1")))
        #expect(packages.contains(UpdatedPackage(name: "demo-addon", from: nil, to: "2.0-1")))
        #expect(!packages.contains { $0.name == "demo-held" })
        try program.expectNothingLeft()
    }

    @Test("pacman", .enabled(if: fileExists("/usr/bin/pacman"), "apt-get install pacman-package-manager"))
    func pacman() throws {
        try makeSystem("pacman")
        try install("pacman", settings: ["config": "\(system)/pacman.conf"])
        try expectUpgrade("pacman")
        #expect(try shell("pacman --config \(system)/pacman.conf -Q demo-suite") == "demo-suite 2.0-1\n")
    }

    @Test("dnf", .enabled(if: hasRPM("dnf"), "apt-get install dnf rpm createrepo-c"))
    func dnf() throws {
        try makeSystem("rpm")
        try shell(
            """
            mkdir \(system)/repos
            printf '[demo]\\nname=Demo\\nbaseurl=file://\(system)/repository\\ngpgcheck=0\\n' >\(system)/repos/demo.repo
            printf '[main]\\nreposdir=\(system)/repos\\npluginpath=/nonexistent\\nexcludepkgs=demo-held\\n' \\
                >\(system)/dnf.conf
            mkdir -p \(system)/root/etc/dnf/vars && echo 1 >\(system)/root/etc/dnf/vars/releasever
            """)
        try install("dnf", settings: ["config": "\(system)/dnf.conf", "installroot": "\(system)/root"])
        try expectUpgrade("dnf")
    }

    @Test("zypper", .enabled(if: hasRPM("zypper"), "apt-get install zypper rpm createrepo-c"))
    func zypper() throws {
        try makeSystem("rpm")
        try shell(
            """
            zypper="zypper --root \(system)/root --non-interactive --quiet"
            $zypper addrepo --no-gpgcheck --refresh dir://\(system)/repository demo
            $zypper addlock demo-held
            """)
        try install("zypper", settings: ["root": "\(system)/root"])
        try expectUpgrade("zypper")
    }

    private static func hasRPM(_ tool: String) -> Bool {
        ["/usr/bin/\(tool)", "/usr/bin/rpmbuild", "/usr/bin/createrepo_c"].allSatisfy { fileExists($0) }
    }

    @Test("Flatpak", .enabled(if: fileExists("/usr/bin/flatpak"), "apt-get install flatpak"))
    func flatpak() throws {
        let publish = """
            mkdir -p \(system)/files \(system)/usr && cd \(system)
            arch=$(flatpak --default-arch)
            printf '[Runtime]\\nname=org.demo.Platform\\nruntime=org.demo.Platform/%s/1\\nsdk=org.demo.Platform/%s/1\\n' \\
                $arch $arch >metadata
            cat /proc/sys/kernel/random/uuid >files/version
            flatpak build-export --runtime --files=files repository . 1 >log 2>&1 || cat log
            """
        let active = "flatpak info --user --show-commit org.demo.Platform"
        try shell(
            """
            \(publish)
            flatpak remote-add --user --no-gpg-verify demo file://\(system)/repository
            flatpak install --user --noninteractive demo org.demo.Platform//1 >log 2>&1 || cat log
            """)
        let before = try shell(active)
        try shell(publish)
        try install("flatpak")
        let run = try program.run()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.starts("flatpak").map(\.phase) == [.download, .execute])
        let after = try shell(active)
        #expect(before != after)
        let package = UpdatedPackage(
            name: "org.demo.Platform", from: String(before.prefix(12)), to: String(after.prefix(12)))
        #expect(run.result?.packages == [package])
        try program.expectNothingLeft()
    }
}
