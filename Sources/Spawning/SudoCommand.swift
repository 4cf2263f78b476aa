// What a step gave to its sudo: which program that is, whether it may run, and with what root starts it. The rule is the same
// whoever starts it, update-all itself or its helper.

import Cgroups
import Glibc
import LinuxSystem
import PluginInvocation
import Policy
import SystemPackage
import UpdateModel

/// Why a command is not run, as a sentence without a full stop that says what to do.
public struct SudoRefusal: Error, Hashable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// What the sudo of a step may run, and with which rights.
public struct SudoRight: Sendable {
    let step: StepID
    let programs: [SudoProgram]
    let settings: StepSettings
    let needs: [CapabilityNeed]

    /// - Parameters:
    ///   - programs: as they are declared; what cannot be read, or has wildcards, allows nothing.
    ///   - settings: of the step, for the capabilities of what it runs, too.
    ///   - needs: the capabilities that a manifest of root's asks for.
    public init(_ step: StepID, programs: [String], settings: StepSettings, needs: [CapabilityNeed]) {
        self.step = step
        self.programs = programs.compactMap { try? SudoProgram($0) }.filter { !$0.hasWildcards }
        self.settings = settings
        self.needs = needs
    }
}

/// A command that a step gave to its sudo.
public struct SudoCommand: Hashable, Sendable {
    /// As it was typed: a name, or a path.
    public let program: String
    public let arguments: [String]

    /// More commands of one step are not under way at a time.
    public static let mostAtOnce = 8

    public init(program: String, arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    /// What root starts it with: nothing of the step's but its streams and its directory.
    /// - Parameters:
    ///   - caller: who is told to the program as the one who called sudo.
    ///   - descriptors: standard input, output and errors, and the working directory; they stay the caller's.
    /// - Returns: the request, and those streams.
    /// - Throws: where it may not run.
    public func request(
        as root: Account, for caller: Account, right: SudoRight, descriptors: [CInt], leaf: Leaf?
    ) throws(SudoRefusal) -> (request: LaunchRequest, streams: ProcessStreams) {
        precondition(descriptors.count == 4, "three streams and a directory")
        if right.step.phase == .check { throw SudoRefusal("questions are asked without root") }
        let executable = try executable(in: right)
        var environment = [
            "PATH=\(securePath)", "HOME=\(root.home)", "USER=\(root.name)", "LOGNAME=\(root.name)", "SHELL=/bin/sh",
            "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "SUDO_USER=\(caller.name)", "SUDO_UID=\(caller.user)",
            "SUDO_GID=\(caller.group)", "SUDO_COMMAND=\(([executable] + arguments).joined(separator: " "))",
        ]
        if isatty(descriptors[1]) == 1 { environment.append("TERM=xterm-256color") }
        var request = LaunchRequest(
            executable: executable, arguments: arguments, environment: environment,
            // By its descriptor, so that root enters no directory that the step could not.
            directory: "/proc/self/fd/\(descriptors[3])", leaf: leaf)
        request.identity = Identity(root)
        request.noNewPrivileges = right.settings.noNewPrivileges
        do {
            request.boundingSet = try CapabilitySet(names: right.settings.boundingSet(needs: right.needs))
        } catch {
            throw SudoRefusal("\(error): mend \"capabilities\" in the policy")
        }
        request.nice = right.settings.nice
        if right.settings.limits.cpuWeight == .idle {
            request.scheduling = .idle
            request.ioPriority = .idle
        }
        return (
            request, ProcessStreams(input: descriptors[0], output: descriptors[1], errors: descriptors[2])
        )
    }

    /// The program, as the list names it: what was typed is only compared with that.
    /// - Throws: where it is not in the list, or others than root can change it.
    public func executable(in right: SudoRight) throws(SudoRefusal) -> String {
        let wanted = try path()
        let same = right.programs.filter { Self.areSame($0.path, wanted) }
        guard let allowed = same.first(where: { ($0.arguments ?? arguments) == arguments })?.path else {
            let whole = same.isEmpty ? wanted : ([wanted] + arguments).joined(separator: " ")
            throw SudoRefusal(SudoRule.refusal(of: whole, to: right.step.plugin))
        }
        let components: [PathComponent]
        do throws(Errno) {
            components = try pathComponents(of: allowed)
        } catch {
            throw SudoRefusal("\(allowed) cannot be checked: \(error)")
        }
        if let distrust = TrustRefusal.first(in: components) { throw SudoRefusal(distrust.description) }
        return allowed
    }

    /// A name is looked for where root's programs are, whatever the step's PATH is.
    private func path() throws(SudoRefusal) -> String {
        if program.contains("/") {
            let parts = program.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            guard program.hasPrefix("/"), !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
                throw SudoRefusal("\(program): give the program's name, or its whole path without \"..\"")
            }
            return program
        }
        let places = securePath.split(separator: ":").map { "\($0)/\(program)" }
        if let found = places.first(where: Self.isProgram) { return found }
        throw SudoRefusal("\(program): command not found")
    }

    private static func isProgram(_ path: String) -> Bool {
        guard let status = try? status(path) else { return false }
        return status.st_mode & S_IFMT == S_IFREG && status.st_mode & 0o111 != 0
    }

    /// Whether both are the same file of the same name, as sudo compares them: its directory may have two names
    /// (`/bin`, `/usr/bin`), and a program of several names does what its name says.
    private static func areSame(_ left: String, _ right: String) -> Bool {
        if left == right { return true }
        func parts(_ path: String) -> (directory: String?, name: Substring) {
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            let real = realpath(String(path[..<slash]) + "/", nil)
            defer { free(real) }
            return (real.map { String(cString: $0) }, path[slash...])
        }
        let (one, other) = (parts(left), parts(right))
        return one.name == other.name && one.directory != nil && one.directory == other.directory
    }
}
