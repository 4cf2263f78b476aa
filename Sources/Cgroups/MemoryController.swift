// memory.*: sizes in bytes, whole pages.

import UpdateModel

enum MemoryController: ControllerFiles {
    static let controller = Controller.memory
    /// Swap accounting can be off (`swapaccount=0`); memory.peak came with Linux 5.19.
    static let optionalFiles = ["memory.swap.max", "memory.oom.group", "memory.peak"]

    /// The kernel rounds sizes down to pages (page_counter_memparse).
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        if wanted.value == effective { return true }
        guard let asked = Int64(wanted.value), let given = Int64(effective) else { return false }
        return asked / pageSize * pageSize == given
    }
}
