// The texts of a policy, found on disk: the layers of docs/contract.md.

import LinuxSystem
import Policy
import RunPolicy
import SystemPackage
import TomlDocument
import UpdateModel

/// Loads the policy in force.
/// - Parameters:
///   - choice: the name of a shipped policy or the path of a file; `nil`: the shipped default.
///   - assignments: `--set`, in order.
/// - Throws: exit code 2 with all that is wrong, a line each.
public func loadPolicy(
    _ places: Places, choice: String?, assignments: [String]
) throws(RunError) -> MergedPolicy {
    let shipped = ShippedPolicies(directory: places.policies)
    let texts = try policyTexts(places, choice: choice)
    do throws(Diagnostics) {
        return try mergePolicy(texts, set: assignments, extended: shipped.text(extended:by:))
    } catch {
        throw RunError(.usage, error.description, namesPlaces: true)
    }
}

/// All files, as they are on disk.
private func policyTexts(_ places: Places, choice: String?) throws(RunError) -> PolicyTexts {
    let shipped = ShippedPolicies(directory: places.policies)
    var texts = PolicyTexts(shippedNames: shipped.names)
    if let choice {
        texts.base = try shipped.text(chosenAs: choice)
    } else {
        texts.base = shipped.text(named: places.defaultPolicy)
    }
    texts.etc = try optionalText("\(places.system)/policy.toml").map { [$0] } ?? []
    for name in ((try? directoryEntries("\(places.system)/policy.d")) ?? []).sorted() where name.hasSuffix(".toml") {
        texts.etc += try optionalText("\(places.system)/policy.d/\(name)").map { [$0] } ?? []
    }
    if let path = places.userPolicy { texts.user = try optionalText(path) }
    return texts
}

/// Checks policy files alone, each with what it extends.
/// - Returns: what is wrong with them, a line each; empty where nothing is.
public func checkPolicies(_ paths: [String], _ places: Places) throws(RunError) -> [String] {
    let shipped = ShippedPolicies(directory: places.policies)
    var complaints: [String] = []
    for path in paths {
        let text = try requiredText(path)
        do throws(Diagnostics) {
            _ = try mergePolicy(
                PolicyTexts(base: text, shippedNames: shipped.names), extended: shipped.text(extended:by:))
        } catch {
            complaints.append(error.description)
        }
    }
    return complaints
}

/// One policy, or one file that lies over it, as `policy list` shows it.
public struct PolicyEntry: Sendable, Hashable {
    public enum Use: String, Sendable {
        /// The one that everything else is based on: the default, or what `--policy` names.
        case base = "in use"
        /// What that one extends.
        case extended = "in use, extended"
        /// A file of `/etc` or the user's, over it.
        case over = "in use, over it"
        case none = ""
    }

    /// As `--policy` takes it; of a file that only lies over one, its name.
    public var name: String
    public var file: String
    public var description: String?
    public var use: Use
    /// How many complaints `policy check` has.
    public var complaints = 0
}

/// The shipped policies and the files that are in force, by name and then in order of precedence.
/// - Parameter choice: `--policy`.
public func listPolicies(_ places: Places, choice: String?) throws(RunError) -> [PolicyEntry] {
    let shipped = ShippedPolicies(directory: places.policies)
    var uses: [String: PolicyEntry.Use] = [:]
    var others: [PolicyEntry] = []
    func entry(_ name: String, _ text: PolicyText, _ use: PolicyEntry.Use) -> PolicyEntry {
        var entry = PolicyEntry(name: name, file: text.file, description: nil, use: use)
        do throws(Diagnostics) {
            let alone = PolicyTexts(base: text, shippedNames: shipped.names)
            entry.description = try mergePolicy(alone, extended: shipped.text(extended:by:)).description
        } catch {
            entry.complaints = error.list.count
        }
        return entry
    }
    let texts = try policyTexts(places, choice: choice)
    if let base = texts.base {
        // A chain that is broken is told of by the entry's complaints.
        let alone = try? mergePolicy(PolicyTexts(base: base), extended: shipped.text(extended:by:))
        for source in alone?.sources ?? [] { uses[source.file] = .extended }
        uses[base.file] = .base
        if !shipped.names.contains(where: { "\(shipped.directory ?? "")/\($0).toml" == base.file }) {
            others.append(entry(base.file, base, .base))
        }
    }
    for text in texts.etc + (texts.user.map { [$0] } ?? []) { others.append(entry(text.name, text, .over)) }
    return shipped.names.compactMap { name in
        shipped.text(named: name).map { entry(name, $0, uses[$0.file] ?? .none) }
    } + others
}

/// The policies that come with the program.
private struct ShippedPolicies {
    let directory: String?

    var names: [String] {
        let entries = directory.flatMap { try? directoryEntries($0) } ?? []
        return entries.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()
    }

    func text(named name: String) -> PolicyText? {
        guard let directory, names.contains(name) else { return nil }
        return (try? optionalText("\(directory)/\(name).toml")) ?? nil
    }

    func text(chosenAs choice: String) throws(RunError) -> PolicyText {
        if let text = text(named: choice) { return text }
        if !choice.contains("/"), !choice.hasSuffix(".toml") {
            let meant = nearestName(to: choice, in: names).map { " (did you mean \"\($0)\"?)" } ?? ""
            let known = names.isEmpty ? "none are installed" : "there are \(names.joined(separator: ", "))"
            throw RunError(
                .usage, "no policy is called \"\(choice)\"\(meant): \(known); a file is given by its path, ./\(choice)")
        }
        return try requiredText(choice)
    }

    /// What a file extends: a shipped policy's name, or a path relative to the file.
    func text(extended name: String, by file: String) -> PolicyText? {
        if let text = text(named: name) { return text }
        guard name.contains("/") || name.hasSuffix(".toml") else { return nil }
        let folder = file.lastIndex(of: "/").map { file[...$0] } ?? ""
        return (try? optionalText(name.hasPrefix("/") ? name : folder + name)) ?? nil
    }
}

/// `nil` where there is no such file.
private func optionalText(_ path: String) throws(RunError) -> PolicyText? {
    try readOptionalFile(path).map { PolicyText(file: path, bytes: $0) }
}

/// The bytes of a file that a person may have written; `nil` where there is none.
func readOptionalFile(_ path: String) throws(RunError) -> [UInt8]? {
    do throws(Errno) {
        return try readFile(path)
    } catch  where error == .noSuchFileOrDirectory || error == .notDirectory {
        return nil
    } catch {
        throw RunError(.usage, "\(path): cannot be read: \(error)")
    }
}

private func requiredText(_ path: String) throws(RunError) -> PolicyText {
    guard let text = try optionalText(path) else {
        throw RunError(.usage, "\(path): there is no such file")
    }
    return text
}
