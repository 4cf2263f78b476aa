// Styles as a terminal is told of them.

import Presentation

extension StyledLine {
    /// Adds the line's bytes, with SGR sequences (ECMA-48, 8.3.117) where `colour` is on; ends in the default style.
    func render(colour: Bool, to bytes: inout [UInt8]) {
        for run in runs {
            let codes = colour ? run.style.sgrCodes : []
            if codes.isEmpty {
                bytes.append(contentsOf: run.text.utf8)
            } else {
                bytes.append(contentsOf: "\u{1B}[\(codes.map(String.init).joined(separator: ";"))m".utf8)
                bytes.append(contentsOf: run.text.utf8)
                bytes.append(contentsOf: "\u{1B}[0m".utf8)
            }
        }
    }
}

extension Style {
    fileprivate var sgrCodes: [Int] {
        (isBold ? [1] : []) + (isDim ? [2] : []) + (colour.map { [$0.sgrCode] } ?? [])
    }
}

extension Colour {
    fileprivate var sgrCode: Int {
        switch self {
        case .red: 31
        case .green: 32
        case .yellow: 33
        case .blue: 34
        case .cyan: 36
        }
    }
}
