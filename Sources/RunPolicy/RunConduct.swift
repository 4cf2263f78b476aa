// What a policy says of a whole run besides its limits: the programs around it, its logs, its times, and when it steps back.

import Policy
import RunModel
import UpdateModel

extension MergedPolicy {
    /// The programs of `[hooks]`, in the order in which they run, each with the place that names it.
    public var hooks: [(moment: HookMoment, program: String, origin: PolicyOrigin)] {
        HookMoment.allCases.flatMap { moment -> [(moment: HookMoment, program: String, origin: PolicyOrigin)] in
            let key = moment == .beforeRun ? PolicyKey.beforeRun : .afterRun
            guard let found = wholeView(.hooks).resolve(key), case .texts(let programs) = found.value else { return [] }
            return programs.map { (moment, $0, found.setting.origin) }
        }
    }

    /// How long logs are kept, and how long they become.
    public var logs: LogSettings {
        var logs = LogSettings()
        let view = wholeView(.log)
        if let days = view.integer(.keepDays) { logs.keepDays = Int(days) }
        if let size = view.bytes(.keepBytes) { logs.keepBytes = size }
        if let size = view.bytes(.stepBytes) { logs.stepBytes = size }
        return logs
    }

    /// When updates may run; `nil`: at any time.
    public var window: UpdateWindow? {
        let view = wholeView(.window)
        guard let windows = view.texts(.allow).flatMap({ WeekWindows($0) }) else { return nil }
        return UpdateWindow(windows: windows, finishBy: view.flag(.finishBy) ?? false)
    }

    /// When the run steps back for others.
    public var protection: Protection {
        var protection = Protection()
        let view = wholeView(.protect)
        protection.cpuSome = view.share(.cpuSome)
        protection.memorySome = view.share(.memorySome)
        protection.ioSome = view.share(.ioSome)
        if case .number(let load) = view.value(.loadPerCPU) { protection.loadPerCPU = load }
        protection.cgroups = view.texts(.cgroups) ?? []
        protection.action = view.word(.action) ?? protection.action
        protection.resumeAfter = view.duration(.resumeAfter) ?? protection.resumeAfter
        return protection
    }
}

/// What a policy says of logs.
public struct LogSettings: Hashable, Sendable {
    /// Runs that began longer ago are removed.
    public var keepDays = 90
    /// Beyond so many bytes of all runs together the oldest are removed.
    public var keepBytes = ByteCount(8 << 30)
    /// Of one step's log.
    public var stepBytes = ByteCount(4 << 30)

    public init() {}
}

/// The policy's `[window]`.
public struct UpdateWindow: Hashable, Sendable {
    public var windows: WeekWindows
    /// Nothing is started that is not expected to end inside.
    public var finishBy: Bool

    public init(windows: WeekWindows, finishBy: Bool) {
        self.windows = windows
        self.finishBy = finishBy
    }
}
