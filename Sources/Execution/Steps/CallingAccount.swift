// Who became root for this process, as the program that asked tells it.

/// The account's number or name, by sudo and run0, pkexec, or doas; `nil` for root itself. A shell that root once opened for
/// somebody says root in one of them, which that person's own doas may pass on.
public func callingAccount(_ environment: [String: String]) -> String? {
    ["SUDO_UID", "PKEXEC_UID", "DOAS_USER"].compactMap { environment[$0] }.first { !["0", "root"].contains($0) }
}
