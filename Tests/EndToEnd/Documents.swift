// The texts of docs/, and what of them can be run.

import Glibc
import Testing

/// A page of this checkout's documentation.
struct Document {
    /// A fenced block that has a file's name after its language: ```` ```sh hello ````. Markdown shows the language alone.
    struct File {
        let name: String
        let text: String
    }

    let name: String
    let lines: [Substring]

    init(_ name: String) throws {
        self.name = name
        let bytes = try Site.contents(of: "\(checkout)/docs/\(name)")
        lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// All blocks with a name, in their order.
    var files: [File] {
        var files: [File] = []
        var open: (name: String, lines: [Substring])?
        for line in lines {
            if let block = open {
                if line == "```" {
                    files.append(File(name: block.name, text: block.lines.joined(separator: "\n") + "\n"))
                    open = nil
                } else {
                    open?.lines.append(line)
                }
            } else if line.hasPrefix("```"), let name = line.split(separator: " ").dropFirst().first {
                open = (String(name), [])
            }
        }
        return files
    }
}

extension Site {
    /// Puts a document's files into a directory of this site; scripts become executable.
    func install(_ files: [Document.File], in directory: String = "plugins") throws {
        mkdir("\(path)/\(directory)", 0o755)
        for file in files {
            try write("\(directory)/\(file.name)", file.text, mode: file.text.hasPrefix("#!") ? 0o755 : 0o644)
        }
    }
}
