// From bytes to the tree, through toml++ (TOML 1.0).

import CToml

/// The largest document that is read, in bytes: a policy or a manifest has a few thousand.
public let maximumDocumentSize = 1 << 20

/// Parses a TOML document.
/// - Parameters:
///   - text: UTF-8, with or without a byte order mark; at most `maximumDocumentSize` bytes. Keys have at most
///     32 segments, and arrays and inline tables are nested at most 16 deep, so depth is bounded as well.
///   - file: The name that diagnostics show.
/// - Throws: The first violation of TOML's grammar, with its position.
public func parseToml(_ text: [UInt8], file: String) throws(Diagnostic) -> TomlTable {
    guard text.count <= maximumDocumentSize else {
        let size = "\(text.count) bytes long; at most \(maximumDocumentSize) are read"
        throw Diagnostic(file: file, position: nil, message: "the file is \(size)")
    }
    let document = text.withUnsafeBytes { buffer in
        // An empty array may have no address.
        guard let bytes = buffer.bindMemory(to: CChar.self).baseAddress else { return ctoml_parse("", 0) }
        return ctoml_parse(bytes, buffer.count)
    }
    guard let document else {
        throw Diagnostic(file: file, position: nil, message: "there is not enough memory to parse the file")
    }
    defer { ctoml_free(document) }

    var count = 0
    guard let nodes = ctoml_nodes(document, &count) else {
        throw Diagnostic(
            file: file, position: TextPosition(ctoml_error_position(document)),
            message: syntaxMessage(String(ctoml_error_message(document))))
    }
    var reader = NodeReader(nodes: UnsafeBufferPointer(start: nodes, count: count))
    return reader.table()
}

/// toml++ says `Error while parsing key-value pair: expected '=', saw '\n'`.
private func syntaxMessage(_ text: String) -> String {
    let prefix = "Error while parsing "
    return text.hasPrefix(prefix) ? "not valid TOML: \(text.dropFirst(prefix.count))" : "not valid TOML: \(text)"
}

/// Builds the tree from the flat list: every node is followed by what is in it.
private struct NodeReader {
    let nodes: UnsafeBufferPointer<ctoml_node>
    var index = 0

    mutating func table() -> TomlTable {
        let header = nodes[index]
        index += 1
        let entries = (0..<header.children).map { _ in
            let node = nodes[index]
            return TomlEntry(
                key: String(node.key), keyPosition: TextPosition(node.key_position), value: value())
        }
        return TomlTable(entries: entries, position: TextPosition(header.position))
    }

    private mutating func value() -> TomlNode {
        let node = nodes[index]
        let position = TextPosition(node.position)
        switch ctoml_kind(node.kind) {
        case CTOML_TABLE:
            return TomlNode(.table(table()), at: position)
        case CTOML_ARRAY:
            index += 1
            return TomlNode(.array((0..<node.children).map { _ in value() }), at: position)
        case CTOML_STRING:
            index += 1
            return TomlNode(.string(String(node.text)), at: position)
        case CTOML_INTEGER:
            index += 1
            return TomlNode(.integer(node.integer), at: position)
        case CTOML_FLOAT:
            index += 1
            return TomlNode(.float(node.real), at: position)
        case CTOML_BOOLEAN:
            index += 1
            return TomlNode(.boolean(node.integer != 0), at: position)
        default:
            index += 1
            return TomlNode(.dateTime(String(node.text)), at: position)
        }
    }
}

extension String {
    fileprivate init(_ text: ctoml_text) {
        let bytes = UnsafeRawBufferPointer(start: text.bytes, count: text.length)
        self.init(decoding: bytes, as: UTF8.self)
    }
}

extension TextPosition {
    fileprivate init(_ position: ctoml_position) {
        self.init(line: Int(position.line), column: Int(position.column))
    }
}
