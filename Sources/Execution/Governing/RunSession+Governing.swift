// How a run comes to step back for others, as its policy has it.

import Policy
import RunPolicy
import UpdateModel

extension RunSession {
    /// Has the run step back while others suffer, where the policy says so; again when the policy has changed.
    func govern() {
        let protection = configuration.policy.protection
        switch (governance, protection.isActive) {
        case (let governance?, true):
            governance.revise(protection)
        case (let governance?, false):
            governance.stop("the policy has nothing watched any more")
            self.governance = nil
        case (nil, true):
            guard let brake else { return }
            let governance = Governance(
                protection, limits: configuration.policy.run(on: machine).limits, machine: machine, tree: tree,
                loop: loop,
                effects: Governance.Effects(
                    hold: { [unowned brake] in brake.hold(.pressure) },
                    goOn: { [unowned brake] in brake.goOn(.pressure) },
                    setFrozen: { [unowned brake] in $0 ? brake.freeze(.pressure) : brake.thaw(.pressure) },
                    publish: { [bus] in bus.publish(.throttle($0)) },
                    report: { [bus] in bus.publish(.error($0)) }))
            self.governance = governance
            governance.start()
        case (nil, false):
            break
        }
    }
}
