// What may run as root for a person, and with which limits: read from files that only root can change, whatever the one
// who asks believes.

import Digest
import HelperProtocol
import LinuxSystem
import PluginInvocation
import Policy
import Spawning
import SystemPackage
import TomlDocument
import UpdateModel

/// The administrator's files.
struct Rights {
    private let policy: MergedPolicy
    private let machine: MachineFacts
    /// Later ones override earlier ones.
    private let directories: [String]
    /// A commit's exit is noted by it.
    private let guardian: String
    /// Of the policy that it was read from.
    var policyHash: String { sha256(policy.canonicalText) }

    private static let configuration = "/etc/update-all"

    /// - Throws: where a file is not valid, or others than root can change it.
    init(controllers: Set<Controller>, missingControlFiles: Set<String>, missingReason: String) throws(Refusal) {
        let folder = Caller.executable.split(separator: "/").dropLast()
        let beside = "/" + folder.joined(separator: "/")
        guardian = "\(beside)/update-all-guardian"
        // PREFIX/libexec/update-all/update-all-helper
        let prefix = "/" + folder.dropLast(2).joined(separator: "/")
        directories = pluginPlaces(
            share: "\(prefix)/share/update-all", configurationHome: nil, pluginPath: nil, only: [])
        policy = try Self.loadPolicy(shipped: "\(prefix)/share/update-all/policies")
        var machine = MachineFacts(
            hostName: machineName(), memory: (try? machineMemory()) ?? ByteCount(0), cpus: usableCPUs(),
            pageSize: LinuxSystem.pageSize(), controllers: controllers, missingControlFiles: missingControlFiles,
            missingControllerReason: missingReason)
        for path in policy.ioPaths { machine.disks[path] = lookUpDisk(path) }
        self.machine = machine
    }

    /// The files of /etc alone: they are the ceiling of all other layers.
    private static func loadPolicy(shipped: String) throws(Refusal) -> MergedPolicy {
        var texts = PolicyTexts()
        let folder = "\(configuration)/policy.d"
        let further = ((try? directoryEntries(folder)) ?? []).filter { $0.hasSuffix(".toml") }.sorted()
        for path in ["\(configuration)/policy.toml"] + further.map({ "\(folder)/\($0)" }) {
            let bytes: [UInt8]
            do {
                bytes = try readFile(path)
            } catch {
                if error == .noSuchFileOrDirectory { continue }
                throw Refusal(reason: "\(path) cannot be read: \(error)")
            }
            try requireTrust(in: path)
            texts.etc.append(PolicyText(file: path, bytes: bytes))
        }
        do throws(Diagnostics) {
            return try mergePolicy(texts) { name, file in
                let sibling = file.prefix(upTo: file.lastIndex(of: "/") ?? file.startIndex)
                let path =
                    name.hasPrefix("/")
                    ? name
                    : name.contains("/") || name.hasSuffix(".toml") ? "\(sibling)/\(name)" : "\(shipped)/\(name).toml"
                // One that others can change is none.
                guard (try? requireTrust(in: path)) != nil else { return nil }
                return (try? readFile(path)).map { PolicyText(file: path, bytes: $0) }
            }
        } catch {
            throw Refusal(reason: error.description)
        }
    }

    private static func requireTrust(in path: String) throws(Refusal) {
        let components: [PathComponent]
        do {
            components = try pathComponents(of: path)
        } catch {
            throw Refusal(reason: "\(path) cannot be looked at: \(error)")
        }
        if let refusal = TrustRefusal.first(in: components) { throw Refusal(reason: refusal.description) }
    }

    // MARK: Limits

    /// What a group has at the least tight: of a step, or of the run and its branches.
    func ceiling(of place: GroupPlace) -> [ControlWrite] {
        let role: GroupRole =
            switch place {
            case .run: .run
            case .steps: .branch
            case .protected: .protectedBranch
            case .step(let group): group.isProtected ? .protectedLeaf : .leaf
            }
        let limits =
            if case .step(let group) = place {
                policy.step(group.step.plugin, group.step.phase, on: machine).limits
            } else {
                policy.run(on: machine).limits
            }
        return controlWrites(for: limits, of: role, on: machine).writes
    }

    /// - Throws: where one of `writes` would give a group more than the administrator does. What a commit may hold is
    ///   raised where it would stop otherwise.
    func check(_ writes: [ControlWrite], for place: GroupPlace) throws(Refusal) {
        let ceiling = ceiling(of: place) + Self.ordinaryWeights
        for write in writes where !(place.hasCommits && write.file == "memory.high") {
            guard let limit = ceiling.first(where: { write.concernsSame(as: $0) && write.isLooser(than: $0) }) else {
                continue
            }
            throw Refusal(
                reason:
                    "\(write) is more than \(limit), which the files of \(Self.configuration) set; have them changed")
        }
    }

    /// What a group has where nobody says otherwise: more than other people's would be root's to give.
    private static let ordinaryWeights = [
        ControlWrite(file: "cpu.weight", value: "100"), ControlWrite(file: "io.weight", value: "default 100"),
    ]

    // MARK: Plugins

    /// The plugin of that name, where it may run as root.
    /// - Parameter executable: where the one who asks believes it to be.
    func plugin(_ step: StepID, believedAt executable: String) throws(Refusal) -> PluginProgram {
        guard step.phase != .check else {
            throw Refusal(reason: "questions are asked as the person")
        }
        let plugin = try find(step.plugin)
        guard plugin.executable == executable else {
            throw Refusal(
                reason:
                    "the system's plugin \(step.plugin) is \(plugin.executable), not \(executable); run update-all as"
                    + " root to use that")
        }
        for path in [plugin.manifestPath, plugin.executable].compactMap(\.self) { try Self.requireTrust(in: path) }
        let settings = settings(of: step)
        guard (settings.runAs ?? plugin.manifest?.runAs) == .root else {
            throw Refusal(
                reason: "\(plugin.manifestPath ?? executable) does not say run_as = \"root\", nor do the files of"
                    + " \(Self.configuration)")
        }
        if let pin = settings.sha256 {
            guard let bytes = try? readFile(executable, limit: 256 << 20), sha256(bytes) == pin else {
                throw Refusal(
                    reason:
                        "\(executable) is not what the policy pins (sha256 \(pin.prefix(12))…): look at what changed")
            }
        }
        return plugin
    }

    /// What steps that run as root may have at most: of the system's plugins, and of all that the administrator names.
    func capabilitiesOfSteps() -> CapabilitySet {
        let named = policy.settings.flatMap { entry -> [String] in
            guard case .texts(let names) = entry.setting.value, entry.slot.key == .capabilities else { return [] }
            return names
        }
        var set = (try? CapabilitySet(names: named + usualCapabilities)) ?? []
        for directory in directories {
            let files = ((try? directoryEntries(directory)) ?? []).filter { $0.hasSuffix(".toml") }
            for name in files.compactMap({ PluginName(String($0.dropLast(5))) }) {
                guard let plugin = try? find(name) else { continue }
                for needs in (plugin.manifest?.capabilities ?? [:]).values {
                    set.formUnion((try? CapabilitySet(names: needs.map(\.name))) ?? [])
                }
            }
        }
        return set
    }

    func settings(of step: StepID) -> StepSettings { policy.step(step.plugin, step.phase, on: machine) }

    /// What the sudo of a plugin may run, whoever wrote the plugin; with the rights that the system's plugin of that name has.
    func sudo(of step: StepID) -> SudoRight {
        var needs: [CapabilityNeed] = []
        if let plugin = try? find(step.plugin), let path = plugin.manifestPath,
            (try? Self.requireTrust(in: path)) != nil
        {
            needs = plugin.manifest?.capabilities[step.phase] ?? []
        }
        return SudoRight(
            step, programs: policy.sudoPrograms(step.plugin, step.phase, on: machine, isRoots: true),
            settings: settings(of: step), needs: needs)
    }

    private func find(_ name: PluginName) throws(Refusal) -> PluginProgram {
        for directory in directories.reversed() {
            let path = "\(directory)/\(name).toml"
            guard let bytes = try? readFile(path) else { continue }
            let manifest: InvocationManifest
            do {
                manifest = try InvocationManifest(parsing: bytes, file: path, name: name)
            } catch {
                throw Refusal(reason: error.description)
            }
            let program = manifest.executable ?? name.rawValue
            return PluginProgram(
                name: name, executable: program.hasPrefix("/") ? program : "\(directory)/\(program)",
                manifest: manifest, manifestPath: path, allowsDryRun: manifest.dryRun ?? false)
        }
        throw Refusal(
            reason:
                "no plugin \(name) with a manifest is in \(directories.joined(separator: " or ")); others run as root"
                + " only where root runs update-all")
    }

    /// The command that runs another under a witness, which notes its exit in descriptor 3.
    func witness(_ command: [String]) throws(Refusal) -> [String] {
        try Self.requireTrust(in: guardian)
        return witnessCommand(command, executable: guardian, record: 3)
    }
}
