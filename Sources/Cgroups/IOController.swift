// io.*: a line for each whole disk.

import UpdateModel

enum IOController: ControllerFiles {
    static let controller = Controller.io
    /// io.weight needs CONFIG_BLK_CGROUP_IOCOST or the BFQ scheduler, io.max CONFIG_BLK_DEV_THROTTLING.
    static let optionalFiles = ["io.max", "io.weight"]

    /// `8:0 wbps=1048576` → the line of 8:0, which names all four caps; empty where nothing caps that disk.
    static func effective(_ wanted: ControlWrite, in content: String) -> String {
        guard wanted.file == "io.max" else { return content }
        let disk = wanted.value.split(separator: " ").first.map { $0 + " " } ?? ""
        return content.split(separator: "\n").first { $0.hasPrefix(disk) }.map(String.init) ?? ""
    }

    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        switch wanted.file {
        case "io.max":
            let asked = wanted.value.split(separator: " ").dropFirst()
            let given = Set(effective.split(separator: " ").dropFirst())
            // A disk without caps has no line: then `max` is what is in force.
            return asked.allSatisfy { given.contains($0) || (effective.isEmpty && $0.hasSuffix("=max")) }
        case "io.weight":
            func plain(_ text: String) -> Substring { text.hasPrefix("default ") ? text.dropFirst(8) : text[...] }
            return plain(effective).split(separator: "\n").first == plain(wanted.value)
        default:
            return wanted.value == effective
        }
    }
}
