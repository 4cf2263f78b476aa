import Glibc
import JSONDocument
import Testing

/// The manual page and the built program say the same.
@Suite(.timeLimit(.minutes(2)))
struct ManualTests {
    private static let page = "\(checkout)/docs/man/update-all.1"

    /// Commands as they are typed, `policy set`, each with its options as they are typed, `-y` and `--yes`. Those that every
    /// command has are not there.
    private typealias Commands = [String: Set<String>]

    private static let ofEveryCommand: Set = ["-h", "--help", "--version"]

    // MARK: The program

    private func programCommands() throws -> Commands {
        let ended = try Program(Site.executable, ["--experimental-dump-help"], environment: [:]).finish()
        let root = try #require(try JSONValue(parsing: ended.output)["command"])
        var commands: Commands = [:]
        for command in root["subcommands"]?.arrayValue ?? [] { add(command, below: "", to: &commands) }
        commands["help"] = nil
        return commands
    }

    /// A command that has others does nothing by itself.
    private func add(_ command: JSONValue, below path: String, to commands: inout Commands) {
        let name = path + (command["commandName"]?.stringValue ?? "")
        let subcommands = command["subcommands"]?.arrayValue ?? []
        for subcommand in subcommands { add(subcommand, below: name + " ", to: &commands) }
        guard subcommands.isEmpty else { return }
        let names = (command["arguments"]?.arrayValue ?? []).flatMap { $0["names"]?.arrayValue ?? [] }
        let options = names.compactMap { option in
            option["name"]?.stringValue.map { (option["kind"]?.stringValue == "short" ? "-" : "--") + $0 }
        }
        commands[name] = Set(options).subtracting(Self.ofEveryCommand)
    }

    // MARK: The page

    /// In COMMANDS a command's own options are the list below it; in OPTIONS a subsection names the commands that have all
    /// options of its list.
    private func pageCommands() throws -> Commands {
        var commands: Commands = [:]
        var section = ""
        var depth = 0
        var current: [String] = []
        let text = String(decoding: try Site.contents(of: Self.page), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch (section, words[0]) {
            case (_, ".Sh"):
                section = words.dropFirst().joined(separator: " ")
                (depth, current) = (0, [])
            case (_, ".Bl"): depth += 1
            case (_, ".El"): depth -= 1
            case ("OPTIONS", ".Ss"): current = []
            case ("OPTIONS", ".Cm") where depth == 0: current.append(name(words))
            case ("COMMANDS", ".It") where depth == 1:
                current = [name(words.drop { $0 != "Cm" })]
                #expect(commands[current[0]] == nil, "\(current[0]) is there twice")
                commands[current[0]] = []
            case ("COMMANDS", ".It"), ("OPTIONS", ".It"):
                for command in current {
                    #expect(commands[command]?.isDisjoint(with: options(words)) == true, "\(command): \(line)")
                    commands[command]?.formUnion(options(words))
                }
            default: break
            }
        }
        return commands
    }

    /// The words behind `Cm`, up to the next macro or mark.
    private func name(_ words: some Sequence<String>) -> String {
        words.dropFirst().prefix { $0.first?.isLowercase == true }.joined(separator: " ")
    }

    /// Of `.It Fl y , -yes Ar x`.
    private func options(_ words: [String]) -> Set<String> {
        var options: Set<String> = []
        var isOption = false
        for word in words {
            if isOption, word != ",", word.first?.isUppercase == false { options.insert("-\(word)") }
            if word.first?.isUppercase == true { isOption = word == "Fl" }
        }
        return options
    }

    @Test("its manual page has every command with every option, and no others")
    func commands() throws {
        let (said, written) = (try programCommands(), try pageCommands())
        #expect(said.count > 20, "\(said.keys.sorted())")
        for (command, options) in said {
            guard let known = written[command] else {
                Issue.record("docs/man/update-all.1 has no command \"\(command)\"")
                continue
            }
            let (missing, surplus) = (options.subtracting(known), known.subtracting(options))
            #expect(missing.isEmpty, "docs/man/update-all.1 lacks them: update-all \(command) \(missing.sorted())")
            #expect(surplus.isEmpty, "there are none such: update-all \(command) \(surplus.sorted())")
        }
        for command in written.keys where said[command] == nil {
            Issue.record("docs/man/update-all.1 has a command that there is not: \"\(command)\"")
        }
    }

    @Test("its manual page has the exit codes of the contract, and no others")
    func exitCodes() throws {
        let contract = try Document("contract.md").lines.drop { $0 != "## Exit codes" }.dropFirst()
            .prefix { !$0.hasPrefix("## ") }
            .compactMap { line in line.split(separator: " ").dropFirst().first.map(String.init) }
            .filter { $0.first?.isNumber == true }
        let page = String(decoding: try Site.contents(of: Self.page), as: UTF8.self).split(separator: "\n")
            .drop { $0 != ".Sh EXIT STATUS" }.dropFirst().prefix { !$0.hasPrefix(".Sh") }
            .filter { $0.hasPrefix(".It ") }.map { String($0.dropFirst(4)) }
        #expect(page == contract && page.count > 8)
    }

    @Test(
        "its manual page is in order",
        .enabled(if: access("/usr/bin/mandoc", X_OK) == 0, "mandoc is missing: apt-get install mandoc"))
    func lint() throws {
        // Whether the pages that it refers to are there is the machine's matter.
        let said = try shell(
            "mandoc -T lint '\(Self.page)' 2>/dev/null | grep -v 'referenced manual not found' || true")
        #expect(said.isEmpty, "\(said)")
    }

    @Test("make install puts it where man looks for it, and make uninstall leaves no file behind")
    func installed() throws {
        let site = try Site()
        let make = "make -s -C '\(checkout)' RELEASE='\(Site.buildDirectory)' DESTDIR='\(site.path)/out' PREFIX=/opt/it"
        try shell("\(make) install")
        let page = try Site.contents(of: "\(site.path)/out/opt/it/share/man/man1/update-all.1")
        #expect(page == (try Site.contents(of: Self.page)))
        let left = try shell("\(make) uninstall; find '\(site.path)/out' -type f")
        #expect(left.isEmpty, "\(left)")
    }
}
