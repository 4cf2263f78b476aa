// Which plugins of a run can run, given what they require, and how they stand to each other.

import RunModel
import UpdateModel

/// Two plugins that never run at the same time, as the name of a mutex that both hold. A comma is in no name of a
/// plugin or mutex, so it is never one of theirs.
struct Conflict {
    private static let prefix = "conflict:"
    let name: String

    init(_ one: PluginName, _ other: PluginName) {
        name = "\(Self.prefix)\(min(one, other)),\(max(one, other))"
    }

    /// `nil` where `name` is that of an ordinary mutex.
    init?(_ name: String) {
        guard name.hasPrefix(Self.prefix), name.contains(",") else { return nil }
        self.name = name
    }
}

struct Selection {
    /// In the order in which they were given.
    let running: [PluginNode]
    let skipped: [SkippedPlugin]
    private let lastPhases: [PluginName: Phase]
    /// In the order in which they run.
    private let hooks: [HookMoment: [StepID]]
    private let conflicts: [PluginName: [Conflict]]

    init(_ nodes: [PluginNode], absent: [AbsentPlugin]) throws(StepGraphError) {
        let known = nodes.map(\.name) + absent.map(\.name)
        let knownSet = Set(known)
        for node in nodes {
            for name in node.requires where !knownSet.contains(name) {
                throw .unknownRequirement(
                    plugin: node.name, requirement: name,
                    nearest: nearestName(to: name.rawValue, in: known.map(\.rawValue)))
            }
        }
        skipped = Self.unsatisfied(nodes, absent: absent)
        let skippedNames = Set(skipped.map(\.plugin))
        var running = nodes.filter { !skippedNames.contains($0.name) }
        // Where no plugin runs, there is nothing to prepare for.
        if running.allSatisfy({ $0.hook != nil }) { running = [] }
        self.running = running
        var hooks: [HookMoment: [StepID]] = [:]
        for node in running {
            if let moment = node.hook { hooks[moment, default: []] += node.steps.map { StepID(node.name, $0.phase) } }
        }
        self.hooks = hooks
        lastPhases = Dictionary(
            running.compactMap { node in node.steps.last.map { (node.name, $0.phase) } },
            uniquingKeysWith: { first, _ in first })
        var conflicts: [PluginName: [Conflict]] = [:]
        for node in running {
            for other in node.conflicts where lastPhases[other] != nil && other != node.name {
                conflicts[node.name, default: []].append(Conflict(node.name, other))
                conflicts[other, default: []].append(Conflict(node.name, other))
            }
        }
        self.conflicts = conflicts
    }

    func conflictMutexes(of node: PluginNode) -> [String] { (conflicts[node.name] ?? []).map(\.name) }

    /// The steps that go before step `position` of `node`, each once: of its own plugin and of others.
    func predecessors(of position: Int, in node: PluginNode) -> [(StepID, EdgeKind)] {
        if let moment = node.hook { return predecessors(ofHook: StepID(node.name, node.steps[position].phase), moment) }
        // The later phases of a plugin require its first.
        let hook = position == 0 ? hooks[.beforeRun]?.last.map { ($0, EdgeKind.requires) } : nil
        return [hook].compactMap(\.self) + ownPredecessors(of: position, in: node)
    }

    /// Hooks run one after the other. Of those before the run each requires the one before it; those after it only come
    /// behind all else.
    private func predecessors(ofHook step: StepID, _ moment: HookMoment) -> [(StepID, EdgeKind)] {
        let chain = hooks[moment] ?? []
        let previous = chain.firstIndex(of: step).flatMap { $0 > 0 ? chain[$0 - 1] : nil }
        switch (moment, previous) {
        case (.beforeRun, let previous?): return [(previous, .requires)]
        case (.afterRun, let previous?): return [(previous, .after)]
        case (.beforeRun, nil): return []
        case (.afterRun, nil):
            // Every phase: where a run is cancelled, the last one of a plugin has ended while its first still runs.
            return running.filter { $0.hook == nil }.flatMap { node in
                node.steps.map { (StepID(node.name, $0.phase), .after) }
            }
        }
    }

    private func ownPredecessors(of position: Int, in node: PluginNode) -> [(StepID, EdgeKind)] {
        var own: [(StepID, EdgeKind)] = []
        if position > 0 { own.append((StepID(node.name, node.steps[position - 1].phase), .requires)) }
        guard node.steps[position].phase == .execute else { return own }
        var kinds: [PluginName: EdgeKind] = [:]
        for name in node.after { kinds[name] = .after }
        for name in node.requires { kinds[name] = .requires }
        return own
            + kinds.sorted { $0.key < $1.key }.compactMap { name, kind in
                lastPhases[name].map { (StepID(name, $0), kind) }
            }
    }

    /// The nodes of which a requirement will not be met, directly or through others, sorted by name.
    private static func unsatisfied(_ nodes: [PluginNode], absent: [AbsentPlugin]) -> [SkippedPlugin] {
        var reasons: [PluginName: String] = [:]
        for plugin in absent {
            switch plugin.state {
            case .notSelected: reasons[plugin.name] = "not selected"
            case .ended(let outcome, let reason) where !outcome.satisfiesRequirement:
                let words = outcome.rawValue.split(separator: "_").joined(separator: " ")
                reasons[plugin.name] = reason.isEmpty ? words : "\(words): \(reason)"
            case .ended: break
            }
        }
        var dependents: [PluginName: [PluginName]] = [:]
        for node in nodes {
            for name in node.requires { dependents[name, default: []].append(node.name) }
        }
        var skipped: [PluginName: SkippedPlugin] = [:]
        // By name, so that of two reasons the same one is told each time.
        var unmet = reasons.keys.sorted()
        var next = 0
        while next < unmet.count {
            let name = unmet[next]
            next += 1
            for dependent in (dependents[name] ?? []).sorted() where skipped[dependent] == nil {
                let reason = "requires \(name) (\(reasons[name] ?? "skipped"))"
                skipped[dependent] = SkippedPlugin(plugin: dependent, outcome: .skipped, reason: reason)
                reasons[dependent] = "skipped"
                unmet.append(dependent)
            }
        }
        return skipped.values.sorted { $0.plugin < $1.plugin }
    }
}
