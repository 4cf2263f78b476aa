// What holds where no policy says otherwise.

extension PolicyText {
    /// Sets nothing that a machine can be unable to do, so that it is in force as it stands everywhere.
    static let builtIn = PolicyText(
        file: "built-in",
        bytes: Array(
            """
            description = "No limits that a machine could lack"
            enforcement = "preferred"
            [run]
            downloads = 2
            [step]
            nice = 10
            no_new_privileges = true
            leftovers = "kill"
            stop_grace = "10s"
            wait_timeout = "30m"
            pty = "auto"

            """.utf8))
}
