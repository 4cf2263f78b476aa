// Where the private directories of a run's steps are.

import Glibc
import Guarding
import LinuxSystem
import SystemPackage
import UpdateModel

enum PrivateDirectory {
    /// Makes `STATE/tmp/RUN`, and removes those of runs that died. Where the state directory cannot be written, which a
    /// plan alone must not mind, it is made in the temporary directory instead.
    static func create(for run: RunID, in state: String) throws(Errno) -> String {
        // Traversable by the accounts that steps run as; each step's own directory is its account's alone.
        let parent = "\(state)/tmp"
        do throws(RunError) {
            try makeDirectories(parent, mode: geteuid() == 0 ? 0o755 : 0o700)
        } catch {
            return try createElsewhere(for: run)
        }
        sweep(parent, state: state)
        do throws(Errno) {
            let path = "\(parent)/\(run)"
            try makeDirectory(path, mode: 0o711)
            chmod(path, 0o711)  // the umask may have taken what lets others through
            return path
        } catch {
            return try createElsewhere(for: run)
        }
    }

    private static func createElsewhere(for run: RunID) throws(Errno) -> String {
        var template = Array("/tmp/update-all-\(run)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(path, 0o711)
        return path
    }

    private static func sweep(_ parent: String, state: String) {
        for name in (try? directoryEntries(parent)) ?? [] {
            guard let run = RunID(name), let process = run.processID, !processExists(process),
                // A commit that goes on works in there.
                !isGuardianAtWork(for: run, in: state)
            else { continue }
            try? removeTree("\(parent)/\(name)")
        }
    }
}
