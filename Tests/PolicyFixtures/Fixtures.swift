import Policy
import RunPolicy
import TomlDocument
import UpdateModel

/// 16 GiB, 8 CPUs, everything there.
package let machine = MachineFacts(
    hostName: "db7", memory: ByteCount(16 << 30), cpus: 8, pageSize: 4096, controllers: Set(Controller.allCases),
    disks: [
        "/": .disk("8:0"), "/srv": .disk("8:16"), "/home": .disk("8:0"), "/tmp": .none(reason: "tmpfs has no disk"),
    ])

package let apt = PluginName("apt")!

/// Merges texts given by the names of their files; `extends` finds those of `others`.
package func merge(
    base: String? = nil, etc: [String] = [], user: String? = nil, set: [String] = [], others: [String: String] = [:]
) throws(Diagnostics) -> MergedPolicy {
    func text(_ file: String, _ content: String) -> PolicyText { PolicyText(file: file, bytes: Array(content.utf8)) }
    let texts = PolicyTexts(
        base: base.map { text("base.toml", $0) },
        etc: etc.enumerated().map { text("etc-\($0.offset).toml", $0.element) },
        user: user.map { text("user.toml", $0) }, shippedNames: others.keys.sorted())
    return try mergePolicy(texts, set: set) { name, _ in others[name].map { text(name, $0) } }
}

/// The messages that a base policy (or assignments) earn.
package func messages(_ base: String? = nil, etc: [String] = [], set: [String] = [], others: [String: String] = [:])
    -> [String]
{
    do {
        _ = try merge(base: base, etc: etc, set: set, others: others)
        return []
    } catch {
        return error.list.map(\.description)
    }
}
