// Who became root for this process, as the program that asked tells it.

/// The account's number or name, by sudo and run0, pkexec, or doas; `nil` for root itself.
public func callingAccount(_ environment: [String: String]) -> String? {
    let text = ["SUDO_UID", "PKEXEC_UID", "DOAS_USER"].lazy.compactMap { environment[$0] }.first
    return text == "0" || text == "root" ? nil : text
}
