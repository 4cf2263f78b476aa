// How a commit is started: through its witness, which notes how it ended.

/// The command that runs `command`, an absolute path with arguments, under a witness.
/// - Parameters:
///   - executable: the path of `update-all-guardian`.
///   - record: the number of the exit record's descriptor in the new process, above 2.
///   - program: that of the open file that is executed in place of what the path leads to.
public func witnessCommand(
    _ command: [String], executable: String, record: CInt, program: CInt? = nil
) -> [String] {
    [executable, "witness", "\(record)"] + (program.map { ["\($0)"] } ?? []) + ["--"] + command
}
