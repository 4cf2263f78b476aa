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
    func silentCommand(_ program: String, helper: String) -> [String]? {
        switch self {
        case .sudo: [program, "-n", "--", helper]
        case .doas: [program, "-n", "--", helper]
        case .run0: [program, "--no-ask-password", "--background=", "--", helper]
        case .pkexec: nil
        }
    }

    /// The command that asks on the terminal where it must, and then starts `helper`.
    /// - Parameter prompt: without a percent sign.
    func askingCommand(_ program: String, helper: String, prompt: String) -> [String] {
        switch self {
        // sudo writes the name of the account whose password it wants in the place of %p.
        case .sudo: [program, "-p", prompt + " (password of %p): ", "--", helper]
        case .doas: [program, "--", helper]
        case .run0: [program, "--background=", "--", helper]
        case .pkexec: [program, helper]
        }
    }

    /// The rule that lets a person start the helper without a password, and where it belongs.
    public func rule(user: String, helper: String) -> String? {
        switch self {
        case .sudo: "\(user) ALL=(root) NOPASSWD: \(helper) \"\" in a file of /etc/sudoers.d (visudo -f)"
        case .doas: "permit nopass \(user) as root cmd \(helper) args in /etc/doas.conf"
        case .run0, .pkexec: nil
        }
    }
}
