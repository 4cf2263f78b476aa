// A plan as a graph, in the languages of Graphviz and of Mermaid: its steps, what each comes after, which ones exclude each
// other, and which decide how long all of it takes.

import RunModel
import UpdateModel

/// `update-all plan --format dot` and `--format mermaid`.
public enum PlanGraph {
    /// As `dot` of Graphviz takes it. https://graphviz.org/doc/info/lang.html
    public static func dot(_ plan: Plan) -> String {
        let graph = Graph(plan)
        var text = "digraph \(quoted("update-all on \(plan.hostName)")) {\n"
        text += "    rankdir=LR;\n    node [shape=box, style=rounded];\n"
        for node in graph.nodes {
            let label = node.lines.map(escaped).joined(separator: "\\n")
            let look = (node.isCritical ? ", color=red" : "") + (node.isProtected ? ", peripheries=2" : "")
            text += "    \(quoted(node.id.description)) [label=\"\(label)\"\(look)];\n"
        }
        for edge in graph.edges {
            let ends = "\(quoted(edge.from.description)) -> \(quoted(edge.to.description))"
            switch edge.kind {
            case .after: text += "    \(ends)\(edge.isCritical ? " [color=red]" : "");\n"
            case .exclusive(let mutex):
                // It says nothing about an order, so it must not make one in the drawing.
                let look = "style=dashed, dir=none, constraint=false\(edge.isCritical ? ", color=red" : "")"
                text += "    \(ends) [label=\(quoted(mutex)), \(look)];\n"
            }
        }
        return text + "}\n"
    }

    /// As Mermaid takes it. https://mermaid.js.org/syntax/flowchart.html
    public static func mermaid(_ plan: Plan) -> String {
        let graph = Graph(plan)
        // A name such as "end" means something in that language, so nodes have numbers.
        let names = Dictionary(uniqueKeysWithValues: graph.nodes.enumerated().map { ($1.id, "step\($0)") })
        var text = "flowchart LR\n"
        for node in graph.nodes {
            let label = node.lines.map(entities).joined(separator: "<br/>")
            let (left, right) = node.isProtected ? ("[[", "]]") : ("(", ")")
            text += "    \(names[node.id]!)\(left)\"\(label)\"\(right)\n"
        }
        for edge in graph.edges {
            let (from, to) = (names[edge.from]!, names[edge.to]!)
            switch edge.kind {
            case .after: text += "    \(from) \(edge.isCritical ? "==>" : "-->") \(to)\n"
            case .exclusive(let mutex): text += "    \(from) -.-|\"\(entities(mutex))\"| \(to)\n"
            }
        }
        let critical = graph.nodes.filter(\.isCritical).map { names[$0.id]! }
        if !critical.isEmpty {
            text += "    classDef critical stroke:#c00,stroke-width:2px\n"
            text += "    class \(critical.joined(separator: ",")) critical\n"
        }
        return text
    }

    private static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }

    private static func escaped(_ text: String) -> String {
        Sanitizer.clean(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }

    /// Mermaid has entities in the place of a backslash.
    private static func entities(_ text: String) -> String {
        Sanitizer.clean(text).replacing("#", with: "#35;").replacing("\"", with: "#quot;")
            .replacing("<", with: "#lt;").replacing(">", with: "#gt;")
    }
}

/// What both languages draw.
private struct Graph {
    struct Node {
        let id: StepID
        let lines: [String]
        let isProtected: Bool
        let isCritical: Bool
    }

    struct Edge {
        enum Kind {
            case after
            /// Both hold a mutex, in whatever order.
            case exclusive(String)
        }

        let from: StepID
        let to: StepID
        let kind: Kind
        let isCritical: Bool
    }

    let nodes: [Node]
    let edges: [Edge]

    init(_ plan: Plan) {
        let critical = Set(plan.criticalPath)
        nodes = plan.steps.map { step in
            let length = step.durationIsKnown ? [Duration(boundedSeconds: step.durationSeconds).sentence] : []
            return Node(
                id: step.id, lines: [step.id.description + (step.isProtected ? " ⛨" : "")] + length,
                isProtected: step.isProtected, isCritical: critical.contains(step.id))
        }
        let criticalPairs = Set(zip(plan.criticalPath, plan.criticalPath.dropFirst()).map { [$0, $1] })
        let known = Set(plan.steps.map(\.id))
        var edges: [Edge] = []
        var joined: Set<[StepID]> = []
        for step in plan.steps {
            for predecessor in step.after where known.contains(predecessor) {
                joined.insert([predecessor, step.id])
                edges.append(
                    Edge(
                        from: predecessor, to: step.id, kind: .after,
                        isCritical: criticalPairs.contains([predecessor, step.id])))
            }
        }
        // Of all that hold a mutex, each is joined with the next one alone: all pairs would be a thicket.
        var holders: [String: StepID] = [:]
        for step in plan.steps {
            for mutex in step.mutexes where mutex != Self.downloads {
                guard let other = holders.updateValue(step.id, forKey: mutex), !joined.contains([other, step.id])
                else { continue }
                edges.append(
                    Edge(
                        from: other, to: step.id, kind: .exclusive(mutex),
                        isCritical: criticalPairs.contains([other, step.id])))
            }
        }
        self.edges = edges
    }

    /// A pool of several units, which excludes nobody.
    private static let downloads = "network:download"
}
