// Who may read what update-all writes: the table "Files" of docs/contract.md.

import Glibc
import LinuxSystem
import SystemPackage

/// The modes of files and directories, and the group of files.
struct FileAccess: Sendable, Hashable {
    let directoryMode: mode_t
    let fileMode: mode_t
    /// `nil`: the group that the system gives them.
    let group: gid_t?

    /// A person's are private. Root's can be listed by all, and read by root and the group adm, where there is one.
    init(isSystemWide: Bool) {
        directoryMode = isSystemWide ? 0o755 : 0o700
        fileMode = isSystemWide ? 0o640 : 0o600
        group = isSystemWide ? groupNumber(named: "adm") : nil
    }

    /// Opens a file, made where there is none, and follows no link.
    func open(_ path: String, _ flags: CInt) throws(Errno) -> OwnedDescriptor {
        let file = try openFile(path, flags | O_CREAT | O_NOFOLLOW, mode: fileMode)
        guard let group else { return file }
        // In a directory that `shareWithGroup` was told of it has both already, unless root's umask took them.
        var found = stat()
        if fstat(file.raw, &found) == 0, found.st_gid == group, found.st_mode & 0o777 == fileMode { return file }
        // Only root can give it away.
        if fchown(file.raw, uid_t.max, group) == 0 { fchmod(file.raw, fileMode) }
        return file
    }

    /// Has a directory hand its group on to the files that will be made in it, so that they need not be given to it one
    /// by one.
    func shareWithGroup(_ directory: String) {
        if let group, chown(directory, uid_t.max, group) == 0 { chmod(directory, directoryMode | S_ISGID) }
    }
}
