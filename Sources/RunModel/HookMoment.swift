// The programs of a policy that run around the steps of a run.

/// When a program of the policy's `[hooks]` runs.
public enum HookMoment: String, Sendable, CaseIterable {
    /// Before every step; where it fails, none of them runs.
    case beforeRun = "before_run"
    /// After every step, however they ended.
    case afterRun = "after_run"
}
