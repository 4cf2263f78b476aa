// What can be wrong with how plugins stand to each other, with the way out.

import UpdateModel

public enum StepGraphError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Each plugin waits for the next one, the last for the first; the kinds are those of these edges.
    case cycle([PluginName], kinds: [EdgeKind])
    case unknownRequirement(plugin: PluginName, requirement: PluginName, nearest: String?)
    /// A step is impossible for itself.
    case problem(ProblemError)

    init(_ error: ProblemError) { self = .problem(error) }

    public var description: String {
        switch self {
        case .cycle(let names, let kinds):
            "dependency cycle: \(cycleText(names.map(\.rawValue))). \(Self.wayOut(names, kinds))"
        case .unknownRequirement(let plugin, let requirement, let nearest):
            "\"\(plugin)\" requires \"\(requirement)\", which no plugin provides\(suggestion(nearest))"
        case .problem(.impossibleDemand(let job, "parallel", _, _)):
            "step \"\(job)\" cannot run: the policy allows no step at a time. Raise parallel in [run]."
        case .problem(.impossibleDemand(let job, "downloads", _, _)):
            "step \"\(job)\" cannot run: the policy allows no download. Raise downloads in [run]."
        case .problem(let error):
            error.description
        }
    }

    private static func wayOut(_ names: [PluginName], _ kinds: [EdgeKind]) -> String {
        let orders = names.indices.filter { kinds[$0] == .after }
            .map { "\"after\" of \(names[$0]) (\(names[($0 + 1) % names.count]))" }
        if orders.isEmpty { return "Remove one \"requires\" of them." }
        if orders.count == names.count { return "Remove one \"after\" of them." }
        return "Remove one \"requires\" of them, or the \(orders.joined(separator: " or the "))."
    }
}

/// Looks for plugins that wait for each other, before their steps are made: a cycle is told in names of plugins.
func checkForCycle(_ nodes: [PluginNode]) throws(StepGraphError) {
    var builder = ProblemBuilder()
    let executing = Set(nodes.filter { $0.steps.contains { $0.phase == .execute } }.map(\.name))
    do throws(ProblemError) {
        for node in nodes {
            // A plugin that only downloads waits for nobody.
            let waitsFor = executing.contains(node.name) ? node.requires + node.after : []
            try builder.add(
                JobDescription(
                    id: node.name.rawValue, duration: 0,
                    predecessors: waitsFor.filter(executing.contains).map { ($0.rawValue, .requires) }))
        }
        _ = try builder.build()
    } catch {
        guard case .cycle(let ids) = error else { throw StepGraphError(error) }
        let names = ids.compactMap { PluginName($0) }
        let kinds = names.indices.map { index -> EdgeKind in
            let node = nodes.first { $0.name == names[index] }
            return node?.requires.contains(names[(index + 1) % names.count]) == true ? .requires : .after
        }
        throw .cycle(names, kinds: kinds)
    }
}
