// Requests and answers as the audit log has them.

import Glibc
import HelperProtocol
import SystemPackage
import UpdateModel

extension HelperRequest {
    /// By its name in the table, with its values.
    var auditText: String {
        switch self {
        case .begin(let run, _): "request=begin run=\(run)"
        case .makeGroup(let group, let writes):
            "request=make_group group=\(group.name) limits=\(quoted(writes.map(\.description)))"
        case .limit(let place, let writes):
            "request=limit group=\(place.auditText) limits=\(quoted(writes.map(\.description)))"
        case .kill(let place): "request=kill group=\(place.auditText)"
        case .freeze(let isFrozen): "request=\(isFrozen ? "freeze" : "thaw")"
        case .remove(let group): "request=remove group=\(group.name)"
        case .launch(let launch): "request=launch step=\(launch.group.step) \(launch.program.auditText)"
        case .sudo(let command):
            "request=sudo step=\(command.group.step) argv=\(quoted([command.program] + command.arguments))"
        case .signal(let process, let number): "request=signal process=\(process) signal=\(number)"
        case .signalAll(let group, let number): "request=signal_all group=\(group.name) signal=\(number)"
        case .reap(let process): "request=reap process=\(process)"
        case .finish: "request=finish"
        }
    }
}

extension GroupPlace {
    var auditText: String {
        switch self {
        case .run: "run"
        case .steps: "steps"
        case .protected: "protected"
        case .step(let group): group.name
        }
    }
}

extension HelperLaunch.Program {
    var auditText: String {
        switch self {
        case .plugin(let executable, let isDryRun, _):
            "as=root executable=\(quoted(executable))" + (isDryRun ? " dry_run" : "")
        case .own(let executable, let arguments, _, _): "as=caller argv=\(quoted([executable] + arguments))"
        }
    }
}

extension HelperReply {
    var auditText: String {
        switch self {
        case .ready, .applied, .done: "done"
        case .launched(let process): "process \(process)"
        case .notLaunched(let failure): "failed: \(failure.attempt): \(Errno(rawValue: failure.errno))"
        case .running: "running"
        case .ended(let ending): ending.isSignal ? "signal \(ending.status)" : "exit \(ending.status)"
        case .refused(let reason): "refused: \(reason)"
        case .failed(let attempt, let errno): "failed: \(attempt): \(Errno(rawValue: errno))"
        }
    }
}

/// In quotes, without anything that a terminal or a reader of lines would take for its own.
func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars.prefix(4096) {
        switch scalar {
        case "\"", "\\": out += "\\\(scalar)"
        case _
        where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value):
            out += "\\u{\(String(scalar.value, radix: 16))}"
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}

func quoted(_ list: [String]) -> String { "[\(list.map { quoted($0) }.joined(separator: ","))]" }
