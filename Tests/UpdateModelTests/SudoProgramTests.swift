import Testing
import UpdateModel

struct SudoProgramTests {
    @Test("a path alone allows any arguments, one with \"\" none, one with words exactly these")
    func arguments() throws {
        #expect(try SudoProgram("/usr/bin/tool").arguments == nil)
        #expect(try SudoProgram("/usr/bin/tool \"\"").arguments == [])
        #expect(try SudoProgram("/usr/bin/tool  refresh -q ").arguments == ["refresh", "-q"])
        #expect(try SudoProgram("/opt/my\\ tools/tool x").path == "/opt/my tools/tool")
    }

    @Test("what sudo means something by is escaped")
    func escapes() throws {
        #expect(try SudoProgram("/opt/a\\ b,c:d=e#f/tool").description == "/opt/a\\ b\\,c\\:d\\=e\\#f/tool")
        #expect(try SudoProgram("/bin/tool --set=a:b,c #1").description == "/bin/tool --set\\=a\\:b\\,c \\#1")
        #expect(try SudoProgram("/bin/tool \"\"").description == "/bin/tool \"\"")
    }

    @Test(
        "what a rule cannot say, or would say otherwise than it looks, is refused",
        arguments: [
            ("", "absolute path"), ("tool", "absolute path"), ("\"\" /bin/tool", "absolute path"),
            ("/usr/bin/", "a name between all slashes"), ("//bin/tool", "a name between all slashes"),
            ("/usr/../bin/tool", "\"..\""), ("/usr/./tool", "\"..\""), ("/bin/to\nol", "control character"),
            ("/bin/tool\\", "backslash"), ("/bin/to\\ol", "backslash"), ("/bin/tool a\\*", "backslash"),
            ("/bin/tool a\\ b", "a space in an argument"), ("/bin/tool ^.*$", "\"^\""), ("/bin/tool \"a b\"", "quote"),
        ])
    func refusals(declaration: String, reason: String) throws {
        let malformed = #expect(throws: SudoProgram.Malformed.self) { try SudoProgram(declaration) }
        #expect(malformed?.reason.contains(reason) == true, "\(malformed?.reason ?? "")")
    }

    @Test("one covers another of the same program whose arguments it allows")
    func covering() throws {
        let (any, none, some) = (
            try SudoProgram("/bin/tool"), try SudoProgram("/bin/tool \"\""), try SudoProgram("/bin/tool a")
        )
        #expect(any.covers(some) && any.covers(none) && any.covers(any) && some.covers(some))
        #expect(!some.covers(any) && !some.covers(none) && !none.covers(some))
        #expect(try !any.covers(SudoProgram("/bin/other")))
    }

    @Test("wildcards are seen in the path and in arguments")
    func wildcards() throws {
        for text in ["/bin/*", "/bin/to?l", "/bin/tool [a]", "/bin/tool a *"] {
            #expect(try SudoProgram(text).hasWildcards, "\(text)")
        }
        #expect(try !SudoProgram("/bin/tool a").hasWildcards)
    }

    @Test("two lists have in common the narrower one of each pair, and nothing that one of them does not allow")
    func common() {
        let declared = ["/bin/a", "/bin/b x", "/bin/c", "/bin/d x", "/bin/e \"\"", "/bin/../f"]
        let allowed = ["/bin/a", "/bin/b", "/bin/c y", "/bin/d z", "/bin/e", "/bin/../f"]
        let common = ["/bin/a", "/bin/b x", "/bin/c y", "/bin/e \"\""]
        #expect(SudoProgram.common(declared, allowed) == common)
        #expect(SudoProgram.common(allowed, declared) == common)
        #expect(SudoProgram.common(declared, []) == [])
    }
}
