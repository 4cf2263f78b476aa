// What a path leads over, as the rule of trust wants to see it.

import Glibc
import LinuxSystem
import PluginInvocation
import SystemPackage

/// Every component of a path, and of the targets of its symbolic links, for the rule of trust.
/// - Parameter path: absolute.
/// - Throws: where one of them does not exist or may not be looked at, or links lead in a circle.
public func pathComponents(of path: String) throws(Errno) -> [PathComponent] {
    var components = [try pathComponent("/")]
    var resolved = ""
    var rest = path.split(separator: "/").map(String.init)
    var links = 0
    while !rest.isEmpty {
        let name = rest.removeFirst()
        if name == "." { continue }
        if name == ".." {
            resolved = String(resolved[..<(resolved.lastIndex(of: "/") ?? resolved.startIndex)])
            continue
        }
        let next = try pathComponent("\(resolved)/\(name)")
        components.append(next)
        guard next.kind == .symbolicLink else {
            resolved = next.path
            continue
        }
        links += 1
        if links > 40 { throw .tooManySymbolicLinkLevels }  // as many as the kernel follows (path_resolution(7))
        let target = try linkTarget(next.path)
        if target.hasPrefix("/") { resolved = "" }
        rest = target.split(separator: "/").map(String.init) + rest
    }
    return components
}

/// One component of a path, itself and not what it may link to.
public func pathComponent(_ path: String) throws(Errno) -> PathComponent {
    let found = try status(path, following: false)
    let kind: PathComponent.Kind =
        switch found.st_mode & S_IFMT {
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink
        default: .file
        }
    return PathComponent(
        path: path, kind: kind, owner: found.st_uid, mode: found.st_mode & 0o7777, names: UInt(found.st_nlink))
}

/// What root's programs are looked for in, as sudo's `secure_path` and Debian's login have it.
public let securePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
