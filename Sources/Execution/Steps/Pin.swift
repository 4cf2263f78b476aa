// The pin of an executable: what it must be, byte for byte, before anything of it is run.

import Digest
import LinuxSystem
import PluginManifests
import SystemPackage

/// Larger programs cannot be pinned: they are read whole, before each of their processes.
private let largestPinned = 256 << 20

/// Why the executable of a plugin is not the one that the policy pins, as a clause; `nil` where it is.
/// - Parameter pin: SHA-256, 64 hexadecimal digits in lower case.
func mismatch(of plugin: DiscoveredPlugin, pin: String) -> String? {
    let path = plugin.executable
    let found: String
    do throws(Errno) {
        found = sha256(try readFile(path, limit: largestPinned))
    } catch {
        return "\(path) is pinned by the policy and cannot be read: \(error)"
    }
    if found == pin { return nil }
    return "\(path) is not what the policy pins (sha256 \(pin.prefix(12))…): look at what changed;"
        + " if it is right, set [plugin.\(plugin.name)] sha256 = \"\(found)\""
}
