// The types of events by the names that they have in JSON.

import RunModel

enum EventType: String {
    case runStart = "run_start"
    case plan
    case phaseStart = "phase_start"
    case output, progress, dropped, result, limit, waiting, throttle, control, stopping
    case phaseEnd = "phase_end"
    case completion
    case runEnd = "run_end"
    case error
}

extension Event.Body {
    var type: EventType {
        switch self {
        case .runStart: .runStart
        case .plan: .plan
        case .phaseStart: .phaseStart
        case .output: .output
        case .progress: .progress
        case .dropped: .dropped
        case .result: .result
        case .limit: .limit
        case .waiting: .waiting
        case .throttle: .throttle
        case .control: .control
        case .stopping: .stopping
        case .phaseEnd: .phaseEnd
        case .completion: .completion
        case .runEnd: .runEnd
        case .error: .error
        }
    }
}
