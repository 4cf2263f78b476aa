// What follows every event: start what can start, in the order of priority, and say what stands in the way of the rest.

extension Dispatcher {
    /// How far a round looks for the next job that can start: nodes of the search tree, and jobs that turn out not to
    /// be able to. For up to `WaitingJobs.window` jobs that is always far enough; of more, some may wait for a later
    /// round although they fit, which keeps the cost of a round within bounds.
    private struct Effort {
        var nodes = 256
        var misses = 2 * WaitingJobs.window
    }

    /// What keeps a job from starting, by numbers.
    enum Hurdle: Hashable, Sendable {
        case mutex(Int32, holder: JobIndex)
        case capacity(Int32)
        case foreignMutex(Int32)
        case hold
    }

    mutating func finishRound(now: Double, _ actions: inout [Action]) {
        if !isHeld { startInOrder(now: now, &actions) }
        placeFresh()
        if !isHeld, let first = waiting.first() {
            reserveTurn(of: first, now: now)
            backfill(now: now, &actions)
        } else {
            reservation = nil
        }
        if reportsWaiting { reportHurdles(now: now, &actions) }
        if isFinished, !saidFinished {
            saidFinished = true
            actions.append(.finished)
        }
        #if DEBUG
            roundCount += 1
            // Each check looks at the whole problem, so large ones are checked now and then.
            if roundCount % (1 + problem.jobCount / 256) == 0 { assertCachesAreRight(now: now) }
        #endif
    }

    /// Starts the most urgent jobs as long as the first fits.
    private mutating func startInOrder(now: Double, _ actions: inout [Action]) {
        while let job = waiting.first() {
            if let mutex = resources.foreignMutex(for: job, in: problem) {
                shelve(job, behind: problem.mutexes.names[Int(mutex)], &actions)
            } else if resources.obstacle(for: job, in: problem) == nil {
                // A more urgent job has come up, and what it takes was not kept back for it.
                if reservation?.job != job { reservation = nil }
                startRunning(job, now: now, &actions)
            } else {
                return
            }
        }
    }

    /// Gives the jobs that have just come up, and could not start in order, their place among the waiting ones.
    private mutating func placeFresh() {
        for job in waiting.takeFresh() {
            if let mutex = resources.busyMutex(for: job, in: problem) {
                waiting.park(job, behind: mutex)
            } else {
                waiting.makeSearchable(job, in: problem)
            }
        }
    }

    private mutating func reserveTurn(of job: JobIndex, now: Double) {
        if let reservation, reservation.job == job, now <= reservation.time { return }
        reservation = Reservation(for: job, in: problem, resources: resources, running: running, now: now)
    }

    /// Starts the jobs that fit and may pass the one whose turn is reserved, the most urgent first.
    private mutating func backfill(now: Double, _ actions: inout [Action]) {
        var left = Effort()
        /// Rank of the first job of the search tree that fits.
        var searched: Int?
        /// From which rank on to look for it again; `nil` while it stays the same.
        var next: Int? = 0
        while let reservation, left.misses > 0, waiting.someJobMayFit(resources.freeUnits) {
            if let from = next {
                let bounds = SearchTree.Bounds(
                    free: resources.freeUnits, spare: reservation.spare, now: now, turn: reservation.time)
                searched = waiting.tree.first(from: from, within: bounds, budget: &left.nodes)
                next = nil
            }
            let opened = waiting.firstOpen { resources.isFree($0) }
            let hasStarted: Bool
            if let opened, opened.rank < searched ?? .max {
                hasStarted = consider(order.jobs[opened.rank], fromQueueOf: opened.mutex, now: now, &actions)
                if hasStarted { next = searched }
            } else if let rank = searched {
                hasStarted = consider(order.jobs[rank], fromQueueOf: nil, now: now, &actions)
                next = rank + 1
            } else {
                return
            }
            if hasStarted { left = Effort() } else { left.misses -= 1 }
        }
    }

    /// Starts `job` if it can start, and otherwise puts it where it waits for what it lacks.
    private mutating func consider(
        _ job: JobIndex, fromQueueOf mutex: Int32?, now: Double, _ actions: inout [Action]
    ) -> Bool {
        if let busy = resources.busyMutex(for: job, in: problem) {
            waiting.park(job, behind: busy)
        } else if resources.shortCapacity(for: job, in: problem) == nil,
            reservation?.obstacle(for: job, in: problem, now: now) == nil
        {
            startRunning(job, now: now, &actions)
            return true
        } else if let mutex {
            waiting.makeSearchable(job, from: mutex, in: problem)
        }
        return false
    }

    // MARK: What waits for what

    /// What keeps a waiting job from starting now; `nil` where nothing does, or a search gave up before it.
    func hurdle(for job: JobIndex, now: Double) -> Hurdle? {
        if isHeld { return .hold }
        let isReserved: Bool
        let obstacle: Resources.Obstacle?
        if let own = resources.obstacle(for: job, in: problem) {
            (obstacle, isReserved) = (own, false)
        } else {
            (obstacle, isReserved) = (reservation?.obstacle(for: job, in: problem, now: now), true)
        }
        switch obstacle {
        case .mutex(let mutex):
            let holder = isReserved ? reservation?.job : resources.holders[Int(mutex)]
            return holder.map { .mutex(mutex, holder: $0) } ?? .foreignMutex(mutex)
        case .capacity(let capacity): return .capacity(capacity)
        case nil: return nil
        }
    }

    private mutating func reportHurdles(now: Double, _ actions: inout [Action]) {
        var changed: [JobIndex] = []
        for job in waiting.jobs {
            let hurdle = hurdle(for: job, now: now)
            guard let hurdle, hurdle != reported[job.position] else { continue }
            reported[job.position] = hurdle
            changed.append(job)
        }
        for job in changed.sorted(by: { order.rank(of: $0) < order.rank(of: $1) }) {
            if let hurdle = reported[job.position] { actions.append(.waiting(job, named(hurdle))) }
        }
    }

    private func named(_ hurdle: Hurdle) -> Obstacle {
        switch hurdle {
        case .mutex(let mutex, let holder): return .mutex(problem.mutexes.names[Int(mutex)], holder: holder)
        case .capacity(let capacity): return .capacity(problem.capacities[Int(capacity)].name)
        case .foreignMutex(let mutex):
            let name = problem.mutexes.names[Int(mutex)]
            return .foreignLock(name, holder: foreignLocks[name]?.holder ?? "")
        case .hold: return .hold
        }
    }
}
