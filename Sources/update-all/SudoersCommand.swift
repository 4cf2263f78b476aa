// `update-all sudoers`: rules by which sudo asks nobody for a password, no wider than what was declared.

import ArgumentParser
import Execution
import Glibc
import LinuxSystem
import PluginProtocol
import Presentation
import Privilege
import Sudoers
import TomlDocument
import UpdateModel

struct SudoersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sudoers",
        abstract: "Print, or install, rules by which sudo asks for no password.",
        discussion: """
            One rule for update-all-helper, which makes a run ask nobody, and one for each program that a plugin declares \
            to call through sudo itself, with the arguments that it declares. A plugin whose files others than root can \
            change gets only what root's policy lists. Each rule that amounts to root is warned of. visudo checks them; \
            nothing is changed without --install.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions

    @Option(help: ArgumentHelp("For whom: an account, or %group. Else for who calls it.", valueName: "name"))
    var user: String?

    @Flag(help: "Write them to /etc/sudoers.d/update-all.")
    var install = false

    func run() async throws {
        if install, geteuid() != 0 {
            throw RunError(.authentication, "only root installs rules of sudo: sudo update-all sudoers --install")
        }
        let subject = try subject()
        let preparation = try Preparation(common, selected, usesSudo: false)
        let survey = SudoersSurvey(try rootPrograms(preparation.places))
        let helper = try helper(preparation.places, survey)
        let asked = try await preparation.open {
            let facts = try await preparation.ask(for: .sudoPrograms)
            return (facts: facts, obstacles: await preparation.session.obstacles(facts))
        }
        await preparation.session.end()
        let policy = try loadPolicy(
            preparation.places, preparation.configuration, assignments: common.assignments)
        let declarations = asked.facts.filter { $0.callsSudo && $0.applies }.map { facts in
            SudoDeclaration(
                plugin: facts.name, declared: facts.sudoPrograms, allowed: policy.sudoPrograms(of: facts.name),
                allowedByRoot: policy.sudoPrograms(of: facts.name, byRoot: true),
                isRoots: asked.obstacles[facts.name]?.distrust == nil)
        }
        let grants = declarations.map { grant($0, survey) }
        let rules = Array(sudoersText(for: subject, helper: helper, grants: grants).utf8)
        do throws(SudoersError) {
            try deliver(rules, to: SudoersFile())
        } catch {
            if !install { writeToStandardOutput(rules) }
            throw RunError(.failure, error.description)
        }
        if preparation.hasInvalidFiles { throw FinalExit(code: .usage) }
    }

    private func deliver(_ rules: [UInt8], to file: SudoersFile) throws(SudoersError) {
        guard install else {
            try file.check(rules)
            return writeToStandardOutput(rules)
        }
        let verb = try file.install(rules) == .written ? "written" : "is so already"
        writeToStandardOutput(Array("\(file.path): \(verb)\n".utf8))
        guard let later = try file.filesReadLater() else {
            return complain(
                "sudo does not read \(file.path): add the line @includedir /etc/sudoers.d to /etc/sudoers, with visudo")
        }
        if later.isEmpty { return }
        complain(
            "sudo reads \(later.joined(separator: ", ")) after it: a rule there for the same account and program counts more"
        )
    }

    // MARK: For whom

    private func subject() throws(RunError) -> SudoersSubject {
        let caller = geteuid() == 0 ? callingAccount(currentEnvironment()) : "\(getuid())"
        guard let name = user ?? caller else {
            throw RunError(.usage, "for whom? Name an account with --user NAME, or a group with --user %GROUP")
        }
        if name.hasPrefix("%") {
            guard let number = groupNumber(named: String(name.dropFirst())) else {
                throw RunError(.usage, "--user \(name): there is no such group here")
            }
            return SudoersSubject(isGroup: true, name: String(name.dropFirst()), number: number)
        }
        // What --user gives is a name, even one of digits; sudo tells a number.
        let number = user == nil ? UInt32(name) : nil
        let found = number.map { (try? Account.numbered($0)) ?? nil } ?? (try? Account.named(name)) ?? nil
        guard let account = found else { throw RunError(.usage, "--user \(name): there is no such account here") }
        if account.user == 0 { throw RunError(.usage, "root needs no rules of sudo: name another with --user") }
        return SudoersSubject(isGroup: false, name: account.name, number: account.user)
    }

    // MARK: For what

    private func rootPrograms(_ places: Places) throws -> RootPrograms? {
        guard let share = places.share else { return nil }
        // In the sources it stands elsewhere.
        let paths = ["\(share)/root-programs.toml", "\(share)/contrib/sudoers/root-programs.toml"]
        guard let path = paths.first(where: { fileExists($0) }), let bytes = try? readFile(path) else {
            complain("\(paths[0]) is missing: it is not known which programs amount to root")
            return nil
        }
        do throws(Diagnostics) {
            return try RootPrograms(parsing: bytes, file: path)
        } catch {
            throw RunError(.usage, error.description, namesPlaces: true)
        }
    }

    /// - Throws: exit code 1 where a rule for it would make somebody root who can change it.
    private func helper(_ places: Places, _ survey: SudoersSurvey) throws(RunError) -> SudoProgram {
        guard let path = places.helper else {
            throw RunError(.failure, "update-all-helper is not beside this program: install it with make install")
        }
        // As sudoers(5) wants it: the path may have spaces, and the helper takes no arguments.
        let declaration =
            path.split(separator: " ", omittingEmptySubsequences: false).joined(separator: "\\ ") + " \"\""
        let program: SudoProgram
        do throws(SudoProgram.Malformed) {
            program = try SudoProgram(declaration)
        } catch {
            throw RunError(.failure, "no rules, since sudo cannot be told of \(path): \(error.reason)")
        }
        if let obstacle = survey.obstacle(to: program) {
            throw RunError(.failure, "no rules, since \(path) must be root's: \(obstacle)")
        }
        return program
    }

    /// What a plugin gets; says what it does not get, and what is dangerous of the rest.
    private func grant(_ declaration: SudoDeclaration, _ survey: SudoersSurvey) -> SudoersGrant {
        let (wanted, complaints) = declaration.grant
        for complaint in complaints { say(complaint) }
        let programs = wanted.programs.filter { program in
            guard let obstacle = survey.obstacle(to: program) else { return true }
            say("\(wanted.plugin): no rule for \(program): \(obstacle)")
            return false
        }
        for program in programs {
            for warning in survey.warnings(of: program) { say("\(wanted.plugin): \(program) \(warning)") }
        }
        return SudoersGrant(plugin: wanted.plugin, programs: programs)
    }

    private func say(_ sentence: String) { complain(Sanitizer.clean("warning: \(sentence)")) }
}

extension PluginFacts {
    fileprivate var applies: Bool {
        switch verdict {
        case .runs, .upToDate: true
        case .notApplicable, .failed, .refused: false
        }
    }
}
