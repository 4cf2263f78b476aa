// The programs by which a person becomes root, and how each is told to start the helper.

import Glibc
import RunModel

extension ElevationMethod {
    /// Where such programs are. A person's own PATH is not searched: what is asked for a password must be root's.
    static let directories = ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/sbin"]

    /// Its program here; `nil` where there is none.
    public var program: String? {
        Self.directories.map { "\($0)/\(rawValue)" }.first { access($0, X_OK) == 0 }
    }

    /// The first of them that is here.
    public static var available: ElevationMethod? { allCases.first { $0.program != nil } }

    /// The command that starts `helper` without asking anybody; `nil` where it cannot be kept from asking.
    /// - Parameter hasTerminal: pkexec asks there. Elsewhere a desktop's agent does, or nobody.
    func silentCommand(_ program: String, helper: String, hasTerminal: Bool) -> [String]? {
        switch self {
        case .sudo: [program, "-n", "--", helper]
        case .doas: [program, "-n", "--", helper]
        case .run0: [program, "--no-ask-password", "--background=", "--chdir=/", "--", helper]
        case .pkexec: hasTerminal ? nil : [program, "--disable-internal-agent", helper]
        }
    }

    /// The command that asks on the terminal where it must, and then starts `helper`.
    /// - Parameters:
    ///   - prompt: without a percent sign.
    ///   - hasAgent: somebody else asks for pkexec.
    func askingCommand(_ program: String, helper: String, prompt: String, hasAgent: Bool = false) -> [String] {
        switch self {
        // sudo writes the name of the account whose password it wants in the place of %p.
        case .sudo: [program, "-p", prompt + " (password of %p): ", "--", helper]
        case .doas: [program, "--", helper]
        // It would begin in our directory otherwise, which root may not be able to enter.
        case .run0: [program, "--background=", "--chdir=/", "--", helper]
        case .pkexec: [program] + (hasAgent ? ["--disable-internal-agent"] : []) + [helper]
        }
    }

    /// The rule that lets a person start the helper without a password, and where it belongs; `nil` where one would let them
    /// start everything.
    public func rule(user: String, helper: String) -> String? {
        switch self {
        case .sudo: "\(user) ALL=(root) NOPASSWD: \(helper) \"\" in a file of /etc/sudoers.d (visudo -f)"
        case .doas: "permit nopass \(user) as root cmd \(helper) args in /etc/doas.conf"
        case .run0: nil
        case .pkexec:
            "polkit.addRule(function(action, subject) { if (action.id == \"org.freedesktop.policykit.exec\" &&"
                + " action.lookup(\"program\") == \"\(helper)\" && subject.user == \"\(user)\")"
                + " return polkit.Result.YES; }); in a file of /etc/polkit-1/rules.d"
        }
    }
}
