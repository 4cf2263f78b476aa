// Debug builds distrust the dispatcher's caches: after an event they are made again from the jobs' states and compared.

#if DEBUG
    extension Dispatcher {
        func assertCachesAreRight(now: Double) {
            assertStatesAgree()
            assertResourcesAgree()
            assertWaitingAgrees(now: now)
            assertReservationAgrees(now: now)
        }

        private func isEnded(_ job: JobIndex) -> Bool { states[job.position] == .ended }

        private func assertStatesAgree() {
            for job in problem.jobs {
                let left = problem.predecessors(of: job).count { !isEnded($0.job) }
                assert(Int(remaining[job.position]) == left, "\(problem.id(of: job)): predecessors left")
                assert(
                    left > 0 ? [.pending, .ended].contains(states[job.position]) : states[job.position] != .pending,
                    "\(problem.id(of: job)) is \(states[job.position]) with \(left) predecessors left")
                assert(waiting.contains(job) == (states[job.position] == .waiting), "\(problem.id(of: job)): place")
                assert(
                    (running.expectedEnd(of: job) != nil) == (states[job.position] == .running),
                    "\(problem.id(of: job)): running")
            }
            assert(unfinished == problem.jobs.count { !isEnded($0) }, "jobs that have not ended")
        }

        private func assertResourcesAgree() {
            var free = resources.units
            var holders = [JobIndex?](repeating: nil, count: problem.mutexes.names.count)
            for job in problem.jobs where states[job.position] == .running {
                for share in problem.shares[job.position] { free[Int(share.capacity)] -= share.units }
                for mutex in problem.held[job.position] {
                    assert(holders[Int(mutex)] == nil, "two jobs hold \(problem.mutexes.names[Int(mutex)])")
                    holders[Int(mutex)] = job
                }
            }
            if !capacitiesWereLowered { assert(free.allSatisfy { $0 >= 0 }, "a capacity is exceeded") }
            assert(free == resources.freeUnits, "free amounts")
            assert(holders == resources.holders, "holders of mutexes")
        }

        /// That each waiting job can be found again, and that none waits that could start. The latter holds without
        /// exception only where no search is cut short.
        private func assertWaitingAgrees(now: Double) {
            for job in problem.jobs where states[job.position] == .waiting {
                let place = waiting.places[job.position]
                assert(place != .fresh, "\(problem.id(of: job)) was not looked at")
                assert(
                    waiting.tree.contains(rank: order.rank(of: job)) == (place == .searchable),
                    "\(problem.id(of: job)): search tree")
                if problem.jobCount <= WaitingJobs.window {
                    assert(hurdle(for: job, now: now) != nil, "\(problem.id(of: job)) waits for nothing")
                }
            }
        }

        private func assertReservationAgrees(now: Double) {
            if isHeld { return assert(reservation == nil, "nobody has a turn while all are held") }
            let first = problem.jobs.filter { states[$0.position] == .waiting }
                .min { order.rank(of: $0) < order.rank(of: $1) }
            assert(reservation?.job == first, "the turn is that of the most urgent waiting job")
            guard let first, let reservation, reservation.isExact else { return }
            let fresh = Reservation(for: first, in: problem, resources: resources, running: running, now: now)
            assert(
                !fresh.isExact || fresh == reservation,
                "the turn of \(problem.id(of: first)): \(reservation), should be \(fresh)")
        }
    }
#endif
