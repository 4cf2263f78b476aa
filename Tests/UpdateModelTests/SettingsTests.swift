import Testing
import UpdateModel

@Suite struct SettingsTests {
    @Test("A policy that says nothing gives a step the contract's defaults and no limit")
    func stepDefaults() {
        let settings = StepSettings()
        #expect(settings.limits == Limits())
        #expect(settings.noNewPrivileges)
        #expect(settings.capabilities == nil)
        #expect(settings.leftovers == .kill)
        #expect(settings.stopGrace == .seconds(10))
        #expect(settings.waitTimeout == .seconds(30 * 60))
        #expect(settings.terminal == .auto)
        #expect(settings.timeout == nil && settings.runAs == nil && settings.nice == nil)
    }

    @Test("A policy that says nothing gives a run two downloads, as many steps as CPUs, and no limit")
    func runDefaults() {
        let settings = RunSettings()
        #expect(settings.limits == Limits())
        #expect(settings.limits.io.isEmpty)
        #expect(settings.parallel == nil)
        #expect(settings.downloads == 2)
    }
}
