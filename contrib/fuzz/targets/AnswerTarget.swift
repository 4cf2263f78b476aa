// Promises of what reads plugins' answers.

import PluginProtocol
import UpdateModel

/// The first byte chooses how the process ended; the rest is what it printed.
func checkAnswer(_ input: [UInt8]) throws(BrokenPromise) {
    guard let choice = input.first else { return }
    let output = Array(input.dropFirst())
    let ending: Answer.Ending =
        switch choice & 7 {
        case 1, 2, 3: .exited(Int32(choice & 7))
        case 4: .signalled(9)
        default: .exited(0)
        }
    let answer = Answer(
        ending, output: output, isCut: choice & 8 != 0, lastErrorLine: String(decoding: output, as: UTF8.self))

    try checkList(answer.pluginNames(), \.count, of: output)
    try checkList(answer.paths(), \.count, of: output)
    try checkList(answer.heldMutexes(), \.mutexes.count, of: output)
    try checkList(answer.freeMutexes(), \.count, of: output)
    try checkList(answer.mutexes(), \.mutexes.count, of: output)
    try checkList(answer.dependencies(), { $0.requires.count + $0.conflicts.count }, of: output)
    if let version = answer.version() {
        try promise(!version.isEmpty && version.utf8.count <= 3 * output.count, "a version is one of the lines")
    }
    _ = ValidationAnswer(answer, of: PluginName("apt")!)
    _ = SelfUpdateAnswer(answer)
    try checkEstimate(EstimateAnswer(answer, isKnown: choice & 16 != 0), of: output)
}

private func checkList<Value: Hashable & Sendable>(
    _ answer: ListAnswer<Value>, _ count: (Value) -> Int, of output: [UInt8]
) throws(BrokenPromise) {
    try promise(answer.value.map(count) ?? 0 <= output.count, "a list is no longer than its text")
    // Eight of each list; `get-dependency` has two.
    try promise(answer.warnings.count <= 16, "warnings are bounded")
    let size = answer.warnings.reduce(0) { $0 + $1.utf8.count }
    // A byte that is no UTF-8 becomes three.
    try promise(size <= 16 * 200 + 2 * 3 * output.count, "warnings are no longer than what they are about")
}

private func checkEstimate(_ answer: EstimateAnswer, of output: [UInt8]) throws(BrokenPromise) {
    switch answer {
    case .updates(let estimate):
        try promise(estimate.packages.count <= output.count, "there are no more packages than bytes")
        let sizes = [estimate.download, estimate.installed, estimate.memory]
        let counts = [estimate.packageCount, estimate.securityUpdates]
        try promise(
            sizes.allSatisfy { $0?.bytes ?? 0 >= 0 } && counts.allSatisfy { $0 ?? 0 >= 0 }, "no amount is negative")
        try promise(estimate.duration.map { $0 >= .zero && $0 < .seconds(3.2e7) } ?? true, "a duration is possible")
        try promise(estimate.cpus.map { $0 > 0 && $0 <= 4096 } ?? true, "a number of CPUs is possible")
    case .unknown(let reason), .transientError(let reason), .error(let reason):
        try promise(!reason.isEmpty && reason.utf8.count <= 200 + 3 * output.count, "a reason is bounded")
    case .upToDate, .notApplicable, .notOffered:
        break
    }
}
