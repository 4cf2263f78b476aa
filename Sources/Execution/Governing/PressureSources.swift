// Which pressure files say how others fare, where this kernel counts pressure.

import Governing
import LinuxSystem
import RunModel
import UpdateModel

/// One pressure file that is not about us alone.
struct PressureSource {
    var name: String
    var kind: Strain.Kind
    var file: String
    /// Where the same counts what we wait for ourselves, if `file` counts that too.
    var ownFile: String?
    var threshold: Fraction

    /// What others suffer by now; `nil` where the file cannot be read: the service behind the group may not run.
    func strain() -> Strain? {
        guard let pressure = Self.read(file) else { return nil }
        let foreign = ownFile.map { pressure.less(Self.read($0)) } ?? pressure.average
        return Strain(source: name, kind: kind, value: foreign.value, threshold: threshold.value)
    }

    private static func read(_ file: String) -> Pressure? { (try? readText(file)).flatMap { Pressure($0) } }
}

extension PressureSource {
    /// The groups that systemd has for the work of a machine.
    private static let workloadSlices = ["system.slice", "user.slice", "machine.slice"]

    /// The files to watch for `protection`.
    ///
    /// The machine's own figures count us as well, and ours are known only as far as we have a group. Its figure for CPUs
    /// is of no use even so: steps of the idle class wait all the time, and lend no one the time they wait for.
    /// - Parameters:
    ///   - mount: of cgroup v2, or `nil`.
    ///   - runPath: of the run's group below it, or `nil`.
    ///   - exists: whether a file is there.
    static func all(
        for protection: Protection, mount: String?, runPath: String?, exists: (String) -> Bool = { fileExists($0) }
    ) -> [PressureSource] {
        let wanted: [(Strain.Kind, String, Fraction?)] = [
            (.cpu, "cpu", protection.cpuSome), (.memory, "memory", protection.memorySome),
            (.io, "io", protection.ioSome),
        ]
        var sources: [PressureSource] = []
        let own = runPath.flatMap { path in mount.map { $0 + path } }
        if let mount {
            let groups = protection.cgroups.isEmpty ? workloadSlices : protection.cgroups
            for group in groups {
                let path = "\(mount)/\(group)"
                // Of a group that was named and is not there the service may yet come.
                guard !protection.cgroups.isEmpty || exists(path) else { continue }
                for case (let kind, let resource, let threshold?) in wanted {
                    sources.append(
                        PressureSource(
                            name: String(group.split(separator: "/").last ?? ""), kind: kind,
                            file: "\(path)/\(resource).pressure",
                            ownFile: own.flatMap { $0.hasPrefix(path + "/") ? "\($0)/\(resource).pressure" : nil },
                            threshold: threshold))
                }
            }
        }
        guard protection.cgroups.isEmpty, let own else { return sources }
        for case (let kind, let resource, let threshold?) in wanted where kind != .cpu {
            let file = "/proc/pressure/\(resource)"
            guard exists(file) else { continue }
            sources.append(
                PressureSource(
                    name: "the machine", kind: kind, file: file, ownFile: "\(own)/\(resource).pressure",
                    threshold: threshold))
        }
        return sources
    }
}
