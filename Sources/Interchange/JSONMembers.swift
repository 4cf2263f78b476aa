// Members that several documents have in the same form.

import JSONDocument
import UpdateModel

extension JSONWriter {
    mutating func write(_ key: String, _ values: [String]) {
        self.key(key)
        beginArray()
        for value in values { write(value) }
        endArray()
    }

    /// An object control file → value. A file that is written more than once, as `io.max` is for several disks,
    /// has its values as the kernel shows them: one a line.
    mutating func write(_ key: String, _ limits: [ControlWrite]) {
        self.key(key)
        beginObject()
        var files: [String] = []
        var values: [String: [String]] = [:]
        for limit in limits {
            if values[limit.file] == nil { files.append(limit.file) }
            values[limit.file, default: []].append(limit.value)
        }
        for file in files { write(file, values[file, default: []].joined(separator: "\n")) }
        endObject()
    }

    mutating func writeIfPresent(_ key: String, _ value: String?) {
        if let value { write(key, value) }
    }

    mutating func writeIfPresent(_ key: String, _ value: Int64?) {
        if let value { write(key, value) }
    }

    mutating func writeIfPresent(_ key: String, _ value: Double?) {
        if let value { write(key, value) }
    }
}
