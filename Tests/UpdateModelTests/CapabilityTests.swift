import Testing
import UpdateModel

@Suite("Capabilities")
struct CapabilityTests {
    @Test("have one name, whatever the case and with or without cap_")
    func names() {
        for text in ["cap_net_admin", "NET_ADMIN", "Cap_Net_Admin"] {
            #expect(capabilityName(text) == "cap_net_admin")
        }
        #expect(capabilityName("net_admn") == nil)
        #expect(nearestCapabilityName(to: "net_admn") == "cap_net_admin")
        #expect(Set(capabilityNames).count == capabilityNames.count)
    }

    @Test("of root's steps are the usual ones, without those that reach past files, users and services")
    func usual() {
        #expect(StepSettings().boundingSet(needs: []) == usualCapabilities)
        #expect(Set(usualCapabilities).isSubset(of: capabilityNames))
        let withheld = ["sys_admin", "sys_module", "sys_ptrace", "sys_rawio", "sys_boot", "net_admin", "bpf"]
        for name in withheld { #expect(!usualCapabilities.contains("cap_\(name)")) }
    }

    @Test("that a manifest asks for are added, and the policy's list replaces them all")
    func precedence() {
        let needs = [CapabilityNeed(name: "cap_sys_admin", reason: "mounts")]
        var settings = StepSettings()
        #expect(Set(settings.boundingSet(needs: needs)).subtracting(usualCapabilities) == ["cap_sys_admin"])
        settings.capabilities = ["cap_kill"]
        #expect(settings.boundingSet(needs: needs) == ["cap_kill"])
        settings.capabilities = []
        #expect(settings.boundingSet(needs: needs) == [])
    }
}
