// What earlier runs, and earlier tries, change about a step's demand and its limits.

import PluginProtocol
import Policy
import Scheduling
import UpdateModel

extension Planner {
    /// With what earlier runs peaked at, where that says more of a step's demand than the plugin does.
    func withEarlierPeaks(_ plugin: PluginFacts) -> PluginFacts {
        var plugin = plugin
        for index in plugin.phases.indices where !selection.isDryRun {
            let phase = plugin.phases[index]
            plugin.phases[index].demand = record.demand(of: StepID(plugin.name, phase.phase), said: phase.demand)
        }
        return plugin
    }

    /// Gives a step at once what it was given last when it had been killed for memory, where the policy has it tried with
    /// more: that is the policy's own doing, so `enforcement = "required"` does not refuse it.
    /// - Returns: what to tell of it.
    func applyLesson(to command: inout StepCommand) -> LimitDeviation? {
        let settings = command.settings
        guard !command.isProtected, settings.oomRetries > 0, machine.controllers.contains(.memory),
            let limit = settings.limits.memoryMax,
            let share = record.share(
                of: command.step, insteadOf: limit, atMost: settings.largestMemory ?? machine.memory)
        else { return nil }
        command = self.command(command, with: share)
        return LimitDeviation(
            control: "memory.max", requested: "\(limit.bytes)", effective: "\(share.bytes)",
            reason: "\(command.step) was killed at its memory limit in an earlier run (oom_retry)")
    }

    /// The same step with another `memory.max`.
    func command(_ step: StepCommand, with memory: ByteCount) -> StepCommand {
        var step = step
        step.settings.limits = step.settings.limits.withMemoryMax(memory)
        step.limits = controlWrites(for: step.settings.limits, of: .leaf, on: machine).writes
        step.required = required(step.limits)
        step.hints = hints(for: step.settings.limits, in: runSettings)
        return step
    }
}

extension Limits {
    /// With `maximum` in the place of `memoryMax`, and `memoryHigh` as far below it as before.
    fileprivate func withMemoryMax(_ maximum: ByteCount) -> Limits {
        var limits = self
        limits.memoryMax = maximum
        if let high = memoryHigh, let old = memoryMax, old.bytes > 0 {
            limits.memoryHigh = ByteCount(Int64(Double(high.bytes) * (Double(maximum.bytes) / Double(old.bytes))))
        }
        return limits
    }
}
