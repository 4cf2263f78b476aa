// Accounts: names to numbers and back, through the C library, so that directories such as LDAP answer too.

import Glibc
import SystemPackage

/// An account of this machine.
public struct Account: Hashable, Sendable {
    public var name: String
    public var user: uid_t
    public var group: gid_t
    /// All groups, the primary one included.
    public var groups: [gid_t]
    public var home: String
    public var shell: String

    /// - Returns: `nil` where there is no such account.
    /// - Throws: where the account database cannot be asked.
    public static func named(_ name: String) throws(Errno) -> Account? {
        try lookUp { entry, buffer, size, found in getpwnam_r(name, entry, buffer, size, found) }
    }

    /// - Returns: `nil` where there is no such account.
    /// - Throws: where the account database cannot be asked.
    public static func numbered(_ user: uid_t) throws(Errno) -> Account? {
        try lookUp { entry, buffer, size, found in getpwuid_r(user, entry, buffer, size, found) }
    }

    private typealias Query = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt

    private static func lookUp(_ query: Query) throws(Errno) -> Account? {
        // An entry longer than a megabyte is not believed.
        var size = 1024
        while size <= 1 << 20 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let failure = query(&entry, buffer, size, &found)
            if failure == ERANGE {
                size *= 4
                continue
            }
            // POSIX has no one answer for "not there": these are the ones that glibc's sources give.
            if found == nil, [0, ENOENT, ESRCH, EBADF, EPERM].contains(failure) { return nil }
            if failure != 0 { throw Errno(rawValue: failure) }
            return Account(entry)
        }
        throw .outOfRange
    }

    private init(_ entry: passwd) {
        name = String(cString: entry.pw_name)
        user = entry.pw_uid
        group = entry.pw_gid
        home = String(cString: entry.pw_dir)
        shell = String(cString: entry.pw_shell)
        // NGROUPS_MAX of Linux is 65,536.
        var count: CInt = 64
        while true {
            var list = [gid_t](repeating: 0, count: Int(count))
            let capacity = count
            if getgrouplist(entry.pw_name, entry.pw_gid, &list, &count) >= 0 {
                groups = Array(list.prefix(Int(count)))
                return
            }
            guard count > capacity, count <= 65_536 else {
                groups = [entry.pw_gid]
                return
            }
        }
    }
}

/// The number of a group of this machine; `nil` where there is none of that name, or nobody can be asked.
public func groupNumber(named name: String) -> gid_t? {
    // An entry longer than a megabyte is not believed.
    var size = 1024
    while size <= 1 << 20 {
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { buffer.deallocate() }
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        let failure = getgrnam_r(name, &entry, buffer, size, &found)
        if failure != ERANGE { return found == nil ? nil : entry.gr_gid }
        size *= 4
    }
    return nil
}
