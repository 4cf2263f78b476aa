// Whether a file may run as root: the rule that sshd and sudo use for the files they believe.

/// One component of a path, as `lstat` shows it.
public struct PathComponent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable { case directory, file, symbolicLink }

    /// The whole path up to and with this component.
    public var path: String
    public var kind: Kind
    public var owner: UInt32
    /// Permission bits with set-id and sticky bits (`st_mode & 07777`). A POSIX ACL that lets somebody else write shows
    /// in the group's bits, which are its mask then (acl(5)).
    public var mode: UInt32
    /// How many names the file has (`st_nlink`).
    public var names: UInt

    public init(path: String, kind: Kind, owner: UInt32, mode: UInt32, names: UInt = 1) {
        self.path = path
        self.kind = kind
        self.owner = owner
        self.mode = mode
        self.names = names
    }

    /// Others than root may put names into it, and take away none of root's.
    fileprivate var isSticky: Bool { kind == .directory && mode & 0o1000 != 0 }

    fileprivate var parent: Substring { path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
}

/// Why a plugin is not run as root, or as its owner.
public struct TrustRefusal: Hashable, Sendable, CustomStringConvertible {
    /// What somebody else than root can change.
    public let path: String
    /// As a clause: `it can be written by its group (mode 0775)`.
    public let reason: String
    /// The command that mends it, if the one who reads it trusts what is there now.
    public let mend: String
    /// `nil`: root; else the number of the account that owns the plugin.
    public var account: UInt32?

    public var description: String {
        let whom = account == nil ? "root" : "its owner"
        return "\(path) is not safe to run as \(whom): \(reason); look at it, then mend it with: \(mend)"
    }

    /// Checks that nobody but root can change what a path leads to.
    ///
    /// Everything must be owned by root and not writable by group or others. Excepted are directories with the sticky
    /// bit, such as /tmp: nobody can remove or rename there what root owns, and that it is root's is checked with the
    /// next component. A file of root's that has several names is refused there: one of them may be a hard link that
    /// somebody else made to a program of root's, which would then run as what it is not. The mode of a symbolic link
    /// means nothing; its owner does, since in a sticky directory the owner can put another in its place.
    /// - Parameter components: those of the executable and of the manifest, from the root directory on, with those of
    ///   each symbolic link's target.
    /// - Parameter account: whom the file is to run as, where that is not root: what belongs to it may lead to it, too.
    /// - Returns: the first refusal; `nil` where the file may run as root.
    public static func first(
        in components: some Sequence<PathComponent>, for account: UInt32? = nil
    ) -> TrustRefusal? {
        var refusal = refusal(in: components, for: account ?? 0)
        refusal?.account = account
        return refusal
    }

    private static func refusal(in components: some Sequence<PathComponent>, for account: UInt32) -> TrustRefusal? {
        var shared: Set<Substring> = []
        for component in components {
            let path = shellQuoted(component.path)
            let copy = "cp \(path) \(path).new && mv \(path).new \(path)"
            if component.owner != 0, component.owner != account {
                // Who has a file open for writing may go on writing when it is root's: a copy of it nobody has open.
                let mend =
                    switch component.kind {
                    case .file: copy
                    case .directory: "chown root \(path)"
                    case .symbolicLink: "chown -h root \(path)"
                    }
                return TrustRefusal(
                    path: component.path, reason: "it is owned by the user with the number \(component.owner)",
                    mend: mend)
            }
            if component.kind == .file, component.names > 1, shared.contains(component.parent) {
                return TrustRefusal(
                    path: component.path,
                    reason: "it has \(component.names) names, and in \(component.parent) anybody can give it one",
                    mend: copy)
            }
            let writers: UInt32 = component.mode & 0o022
            if component.isSticky, writers != 0 { shared.insert(component.path[...]) }
            guard component.kind != .symbolicLink, !component.isSticky, writers != 0 else { continue }
            let names = [0o020: "its group", 0o002: "everybody", 0o022: "its group and everybody"]
            let mode = "0" + String(component.mode, radix: 8)
            return TrustRefusal(
                path: component.path, reason: "it can be written by \(names[Int(writers)] ?? "others") (mode \(mode))",
                mend: "chmod go-w \(path)")
        }
        return nil
    }
}

/// As a shell takes it for one word.
private func shellQuoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
        switch byte {
        case 0x2B...0x3A, 0x40...0x5A, 0x5F, 0x61...0x7A: true  // +,-./0-9: @A-Z _ a-z
        default: false
        }
    }
    return isPlain && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
}
