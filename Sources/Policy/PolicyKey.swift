// Every key of a policy, once: its name, its type and where it may stand.

/// A key. The raw value is its name in a file.
public enum PolicyKey: String, Sendable, CaseIterable, Comparable {
    // The document.
    case description, extends, enforcement
    // [run], [step…], [plugin…]
    case memoryHigh = "memory_high"
    case memoryMax = "memory_max"
    case memorySwapMax = "memory_swap_max"
    case cpuQuota = "cpu_quota"
    case cpuWeight = "cpu_weight"
    case ioWeight = "io_weight"
    case io
    case tasksMax = "tasks_max"
    // [run]
    case parallel, downloads
    case downloadRate = "download_rate"
    case downloadEnforce = "download_enforce"
    // [hooks]
    case beforeRun = "before_run"
    case afterRun = "after_run"
    // [protect]
    case cpuSome = "cpu_some"
    case memorySome = "memory_some"
    case ioSome = "io_some"
    case loadPerCPU = "load_per_cpu"
    case cgroups, action
    case resumeAfter = "resume_after"
    // [window]
    case allow
    case finishBy = "finish_by"
    // [log]
    case keepDays = "keep_days"
    case keepBytes = "keep_bytes"
    case stepBytes = "step_bytes"
    // [step…], [plugin…]
    case nice
    case noNewPrivileges = "no_new_privileges"
    case capabilities, leftovers
    case stopGrace = "stop_grace"
    case waitTimeout = "wait_timeout"
    case oomRetry = "oom_retry"
    case pty, timeout
    // [plugin…]
    case runAs = "run_as"
    case sudoPrograms = "sudo_programs"
    case sha256
    // [step], [plugin.NAME]
    case selfUpdate = "self_update"

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The tables in which a key has a meaning.
    package enum Home {
        case document, run, hooks, protect, window, log
        /// What a control group has: of the run, of a step.
        case group
        case step
        case plugin
        /// `[plugin.NAME]` and not its phases.
        case wholePlugin
        /// `[step]` and `[plugin.NAME]`, and not their phases.
        case everyPlugin

        package func includes(_ table: PolicyTable) -> Bool {
            switch (self, table) {
            case (.document, .document), (.run, .run), (.hooks, .hooks), (.protect, .protect), (.window, .window),
                (.log, .log), (.group, .run), (.group, .step), (.group, .plugin), (.step, .step), (.step, .plugin),
                (.plugin, .plugin), (.wholePlugin, .plugin(_, nil)), (.everyPlugin, .step(nil)),
                (.everyPlugin, .plugin(_, nil)):
                true
            default: false
            }
        }

        /// For a message: where the key belongs.
        var name: String {
            switch self {
            case .document: "the top of the file"
            case .run: "[run]"
            case .hooks: "[hooks]"
            case .protect: "[protect]"
            case .window: "[window]"
            case .log: "[log]"
            case .group: "[run], [step] or [plugin.NAME]"
            case .step, .everyPlugin: "[step] or [plugin.NAME]"
            case .plugin, .wholePlugin: "[plugin.NAME]"
            }
        }
    }

    package var home: Home {
        switch self {
        case .description, .extends, .enforcement: .document
        case .memoryHigh, .memoryMax, .memorySwapMax, .cpuQuota, .cpuWeight, .ioWeight, .io, .tasksMax: .group
        case .parallel, .downloads, .downloadRate, .downloadEnforce: .run
        case .beforeRun, .afterRun: .hooks
        case .cpuSome, .memorySome, .ioSome, .loadPerCPU, .cgroups, .action, .resumeAfter: .protect
        case .allow, .finishBy: .window
        case .keepDays, .keepBytes, .stepBytes: .log
        case .nice, .noNewPrivileges, .capabilities, .leftovers, .stopGrace, .waitTimeout, .oomRetry, .pty, .timeout:
            .step
        case .runAs, .sudoPrograms: .plugin
        case .sha256: .wholePlugin
        case .selfUpdate: .everyPlugin
        }
    }
}
