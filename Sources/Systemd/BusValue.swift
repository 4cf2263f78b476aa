// Values of D-Bus, as far as the calls made here need them.

/// A value and with it its type (D-Bus Specification, "Type System").
indirect enum BusValue: Hashable, Sendable {
    case string(String)
    case bool(Bool)
    case int32(Int32)
    case uint32(UInt32)
    case uint64(UInt64)
    case structure([BusValue])
    case variant(BusValue)
    /// - Parameter of: the signature of an element, since an empty array has a type, too.
    case array([BusValue], of: String)

    var signature: String {
        switch self {
        case .string: "s"
        case .bool: "b"
        case .int32: "i"
        case .uint32: "u"
        case .uint64: "t"
        case .structure(let members): "(\(members.map(\.signature).joined()))"
        case .variant: "v"
        case .array(_, let element): "a\(element)"
        }
    }
}
