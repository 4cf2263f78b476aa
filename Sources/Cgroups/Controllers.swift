// What all controllers have in common: their files, and when a wish is in force.

import LinuxSystem
import SystemPackage
import UpdateModel

/// A controller's control files. One type and one file for each, with the same functions.
protocol ControllerFiles {
    static var controller: Controller { get }
    /// The files that kernels may lack though they have the controller.
    static var optionalFiles: [String] { get }
    /// What of the file's content answers the wish: for files with a line a device, that line.
    static func effective(_ wanted: ControlWrite, in content: String) -> String
    /// Whether what is in force is what was asked for, as exactly as the kernel can do it.
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool
}

extension ControllerFiles {
    static func effective(_ wanted: ControlWrite, in content: String) -> String { content }
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        wanted.value == effective
    }
}

func files(of controller: Controller) -> any ControllerFiles.Type {
    switch controller {
    case .cpu: CPUController.self
    case .io: IOController.self
    case .memory: MemoryController.self
    case .pids: PidsController.self
    }
}

/// The number behind `key` in lines of `key number`.
package func number(of key: String, in content: String) -> Int64? {
    for line in content.utf8.split(separator: 0x0A) {
        guard line.count > key.utf8.count, line.starts(with: key.utf8) else { continue }
        let rest = line.dropFirst(key.utf8.count)
        if rest.first == 0x20 { return Int64(Substring(rest.dropFirst())) }
    }
    return nil
}
