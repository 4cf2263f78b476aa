// swift-tools-version: 6.1
import PackageDescription

// The layout is the architecture: a target may import what stands beside it here and nothing else.
// docs/architecture.md has the duties; `make lint` keeps the pure targets free of effects.

let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// Values in, values out: no Glibc, no Foundation, no clock.
let pure: [Target] = [
    .target(name: "UpdateModel"),
    .target(name: "RunModel", dependencies: ["UpdateModel"]),
    .target(name: "JSONDocument"),
    .target(name: "Digest"),
    .target(name: "TomlDocument", dependencies: ["UpdateModel", "CToml"]),
    .target(name: "PluginInvocation", dependencies: ["UpdateModel", "TomlDocument"]),
    .target(name: "PluginManifests", dependencies: ["RunModel", "PluginInvocation"]),
    .target(name: "PluginProtocol", dependencies: ["PluginManifests", "JSONDocument"]),
    .target(name: "Policy", dependencies: ["UpdateModel", "TomlDocument"]),
    .target(name: "RunPolicy", dependencies: ["RunModel", "Policy"]),
    .target(name: "PolicyReports", dependencies: ["RunModel", "RunPolicy"]),
    .target(name: "Configuration", dependencies: ["TomlDocument", "PluginManifests"]),
    .target(name: "Scheduling", dependencies: ["RunModel", collections, heap]),
    .target(name: "Interchange", dependencies: ["RunModel", "Scheduling", "JSONDocument"]),
    .target(name: "Governing", dependencies: ["RunModel", "Policy"]),
    .target(name: "Presentation", dependencies: ["RunModel"]),
    .target(name: "GuardianProtocol", dependencies: ["UpdateModel"]),
    .target(name: "HelperProtocol", dependencies: ["UpdateModel"]),
    .target(name: "SudoProtocol"),
    .target(name: "Sudoers", dependencies: ["UpdateModel", "TomlDocument"]),
]

/// What touches the machine.
let effects: [Target] = [
    .target(name: "CLinux"),
    .target(name: "CToml"),
    .systemLibrary(name: "CCap", providers: [.apt(["libcap-dev"])]),
    .target(name: "LinuxSystem", dependencies: ["UpdateModel", "CLinux", "CCap", system]),
    .target(name: "CPseudoTerminals"),
    .target(name: "PseudoTerminals", dependencies: ["LinuxSystem", "CPseudoTerminals"]),
    .target(name: "CReactor"),
    .target(name: "Reactor", dependencies: ["UpdateModel", "LinuxSystem", "CReactor"]),
    .target(name: "Cgroups", dependencies: ["UpdateModel", "LinuxSystem"]),
    .target(name: "CSystemd"),
    .target(name: "Systemd", dependencies: ["UpdateModel", "LinuxSystem", "Cgroups", "CSystemd"]),
    .target(name: "Accounting", dependencies: ["RunModel", "Cgroups"]),
    .target(name: "Spawning", dependencies: ["Cgroups", "Policy", "PluginInvocation"]),
    .target(name: "SystemdCommands", dependencies: ["Cgroups", "Spawning"]),
    .target(name: "Launching", dependencies: ["Spawning", "PseudoTerminals"]),
    .target(name: "Auditing", dependencies: ["LinuxSystem", "HelperProtocol"]),
    .target(name: "Guarding", dependencies: ["UpdateModel", "Reactor", "GuardianProtocol"]),
    .target(name: "Privilege", dependencies: ["RunModel", "Launching", "HelperProtocol", "Sudoers"]),
    .target(
        name: "Execution",
        dependencies: [
            "Digest", "Reactor", "Systemd", "Accounting", "Launching", "Auditing", "Guarding", "Privilege",
            "SudoProtocol", "Scheduling", "Governing", "PluginProtocol", "Policy", "RunPolicy", "PolicyReports",
            "Configuration", "Interchange",
            collections,
        ]),
    .target(name: "Terminal", dependencies: ["Presentation", "LinuxSystem"]),
]

let executables: [Target] = [
    .executableTarget(
        name: "update-all", dependencies: ["Execution", "Privilege", "Terminal", "Interchange", arguments]),
    .executableTarget(name: "update-all-guardian", dependencies: ["Cgroups", "GuardianProtocol"]),
    .executableTarget(
        name: "update-all-helper",
        dependencies: [
            "Digest", "Spawning", "SystemdCommands", "Auditing", "Policy", "PluginInvocation", "HelperProtocol",
        ]),
    .executableTarget(name: "update-all-sudo", dependencies: ["SudoProtocol", "LinuxSystem", "Reactor"]),
]

/// Measured by `make bench`; not installed.
let benchmarks: [Target] = [
    .executableTarget(
        name: "bench-launching", dependencies: ["Launching", "Privilege", "Reactor", "Systemd"],
        path: "contrib/bench/launching")
]

let tests: [Target] = [
    .target(name: "TestSupport", dependencies: ["RunModel"], path: "Tests/TestSupport"),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "UpdateModel", "JSONDocument", "TomlDocument", "PluginManifests", "PluginProtocol", "Policy", "RunPolicy",
            "PolicyReports", "Governing", "Interchange", "GuardianProtocol", "HelperProtocol", "SudoProtocol",
        ],
        path: "contrib/fuzz/targets"),
    .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"]),
    .testTarget(name: "UpdateModelTests", dependencies: ["UpdateModel", "TestSupport"]),
    .testTarget(name: "RunModelTests", dependencies: ["RunModel"]),
    .testTarget(name: "DigestTests", dependencies: ["Digest"]),
    .testTarget(name: "JSONDocumentTests", dependencies: ["JSONDocument", "TestSupport"]),
    .testTarget(name: "TomlDocumentTests", dependencies: ["TomlDocument", "TestSupport"]),
    .testTarget(name: "PluginInvocationTests", dependencies: ["PluginInvocation", "PluginManifests", "TestSupport"]),
    .testTarget(name: "PluginManifestsTests", dependencies: ["PluginManifests", "TestSupport"]),
    .testTarget(name: "PluginProtocolTests", dependencies: ["PluginProtocol", "TestSupport"]),
    .target(
        name: "PolicyFixtures", dependencies: ["UpdateModel", "RunPolicy", "TestSupport"], path: "Tests/PolicyFixtures"),
    .testTarget(
        name: "PolicyTests", dependencies: ["Policy", "RunPolicy", "PolicyReports", "PolicyFixtures", "TestSupport"]),
    .testTarget(name: "PolicyReportsTests", dependencies: ["PolicyReports", "PolicyFixtures", "TestSupport"]),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "TestSupport"]),
    .testTarget(name: "SchedulingTests", dependencies: ["Scheduling", "TestSupport"]),
    .testTarget(name: "GoverningTests", dependencies: ["Governing", "RunPolicy", "PolicyFixtures", "TestSupport"]),
    .testTarget(name: "InterchangeTests", dependencies: ["Interchange", "TestSupport"]),
    .testTarget(name: "PresentationTests", dependencies: ["Presentation", "TestSupport"]),
    .testTarget(name: "GuardianProtocolTests", dependencies: ["GuardianProtocol", "TestSupport"]),
    .testTarget(name: "HelperProtocolTests", dependencies: ["HelperProtocol", "TestSupport"]),
    .testTarget(name: "SudoProtocolTests", dependencies: ["SudoProtocol", "TestSupport"]),
    .testTarget(name: "SudoersTests", dependencies: ["Sudoers", "TestSupport"]),
    .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestSupport"]),
    .testTarget(name: "PseudoTerminalsTests", dependencies: ["PseudoTerminals"]),
    .testTarget(name: "ReactorTests", dependencies: ["Reactor", "TestSupport"]),
    .testTarget(name: "SystemdTests", dependencies: ["Systemd", "TestSupport"]),
    .testTarget(name: "CgroupsTests", dependencies: ["Cgroups", "TestSupport"]),
    .testTarget(name: "AccountingTests", dependencies: ["Accounting"]),
    .testTarget(name: "SpawningTests", dependencies: ["Spawning"]),
    .testTarget(
        name: "LaunchingTests", dependencies: ["Launching", "Accounting", "Systemd", "Reactor", "TestSupport"]),
    .testTarget(name: "GuardingTests", dependencies: ["Guarding", "Launching", "TestSupport"]),
    .testTarget(name: "PrivilegeTests", dependencies: ["Privilege", "TestSupport"]),
    .testTarget(name: "ExecutionTests", dependencies: ["Execution", "TestSupport"]),
    .testTarget(name: "TerminalTests", dependencies: ["Terminal", "TestSupport"]),
    .testTarget(
        name: "KernelTests",
        dependencies: ["Accounting", "HelperProtocol", "Interchange", "Launching", "Systemd", "TestSupport"]),
    .testTarget(name: "EndToEnd", dependencies: ["PseudoTerminals", "JSONDocument", "SudoProtocol", "TestSupport"]),
]

let package = Package(
    name: "update-all",
    products: [
        .executable(name: "update-all", targets: ["update-all"]),
        .executable(name: "update-all-guardian", targets: ["update-all-guardian"]),
        .executable(name: "update-all-helper", targets: ["update-all-helper"]),
        .executable(name: "update-all-sudo", targets: ["update-all-sudo"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: pure + effects + executables + benchmarks + tests,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu11,
    cxxLanguageStandard: .cxx17
)
