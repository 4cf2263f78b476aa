// The texts of a policy, found on disk: the layers of docs/contract.md.

import LinuxSystem
import Policy
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
    var texts = PolicyTexts(set: assignments, shippedNames: shipped.names)
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
    do throws(Diagnostics) {
        return try mergePolicy(texts, extended: shipped.text(extended:by:))
    } catch {
        throw RunError(.usage, error.description, namesPlaces: true)
    }
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
