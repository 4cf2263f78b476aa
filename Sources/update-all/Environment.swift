// What the process was started with.

import Glibc

/// The environment; of a variable that is there twice, the first counts, as for getenv(3).
func currentEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        let text = String(cString: entry)
        if let equals = text.firstIndex(of: "="), result[String(text[..<equals])] == nil {
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        next += 1
    }
    return result
}

/// The absolute path of this program, symbolic links resolved.
func executablePath() -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}

/// A path from the root directory on.
func absolutePath(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/cwd", &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) + "/" + path
}

/// The time of day here, `02:10`.
func clockText() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(padded(parts.tm_hour)):\(padded(parts.tm_min))"
}
