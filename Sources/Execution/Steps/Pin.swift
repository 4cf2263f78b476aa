// The pin of an executable: what it must be, byte for byte, before anything of it is run.

import Digest
import LinuxSystem
import PluginInvocation
import PluginManifests
import Spawning
import SystemPackage

/// Larger programs cannot be pinned: they are read whole, before each of their processes.
private let largestPinned = 256 << 20

/// Why the executable of a plugin is not the one that the policy pins, as a clause; `nil` where it is.
/// - Parameter pin: SHA-256, 64 hexadecimal digits in lower case.
func mismatch(of plugin: DiscoveredPlugin, pin: String) -> String? {
    do throws(PersonaRefusal) {
        _ = try pinnedContent(of: plugin, pin: pin)
        return nil
    } catch {
        return error.reason
    }
}

/// What is to be started of a plugin that the policy pins: exactly what was compared with the pin.
///
/// What only root can change is still that when it is started, and is started by its path, by which it finds what is beside
/// it. Of what others can change too a copy in memory is started, which nobody can: a file that is open and was compared
/// could be written to after that.
/// - Returns: `nil`: what its path leads to.
func pinnedProgram(of plugin: DiscoveredPlugin, pin: String?) throws(PersonaRefusal) -> OpenProgram? {
    guard let pin else { return nil }
    let components = try? pathComponents(of: plugin.executable)
    let content = try pinnedContent(of: plugin, pin: pin)
    if let components, TrustRefusal.first(in: components) == nil { return nil }
    do throws(Errno) {
        return try OpenProgram(sealing: content, of: plugin.executable)
    } catch {
        throw PersonaRefusal(
            outcome: .failed,
            reason:
                "\(plugin.executable) is pinned by the policy, and the copy that would be started cannot be made: \(error);"
                + " memory is missing, or the kernel runs none (sysctl vm.memfd_noexec)")
    }
}

private func pinnedContent(of plugin: DiscoveredPlugin, pin: String) throws(PersonaRefusal) -> [UInt8] {
    let path = plugin.executable
    let content: [UInt8]
    do throws(Errno) {
        content = try readFile(path, limit: largestPinned)
    } catch {
        throw PersonaRefusal(outcome: .failed, reason: "\(path) is pinned by the policy and cannot be read: \(error)")
    }
    let found = sha256(content)
    if found == pin { return content }
    throw PersonaRefusal(
        outcome: .failed,
        reason: "\(path) is not what the policy pins (sha256 \(pin.prefix(12))…): look at what changed;"
            + " if it is right, set [plugin.\(plugin.name)] sha256 = \"\(found)\"")
}
