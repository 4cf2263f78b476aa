// What is told of a plugin's sudo that may run nothing.

import Policy
import UpdateModel

extension SudoRule {
    /// Of a policy whose list names nothing that the plugin declares, or is not the administrator's.
    package static let noAllowance = "no file of /etc/update-all lists a program of its sudo_programs"

    /// What the administrator writes to let a plugin's sudo run what it declares.
    /// - Parameter programs: what it declares.
    public static func advice(_ plugin: PluginName, _ programs: [String]) -> String {
        "have the administrator write sudo_programs = \(PolicyValue.texts(programs).text) below [plugin.\(plugin)] in"
            + " /etc/update-all/policy.toml"
    }
}
