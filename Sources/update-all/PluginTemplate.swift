// What a new plugin begins as: `plugin new`.

import UpdateModel

/// An executable and its manifest that are right as they stand, with a place for each thing to be filled in.
struct PluginTemplate: Sendable {
    enum Language: String, CaseIterable, Sendable { case sh, python }

    let name: PluginName
    let language: Language

    /// Without an extension: another language does not make it another plugin.
    var executable: String {
        let template = language == .sh ? Self.shell : Self.python
        return template.replacing("NAME", with: name.rawValue)
    }

    var manifest: String {
        let needed = language == .sh ? "[]                " : "[\"python3\"]       "
        return Self.manifest.replacing("NAME", with: name.rawValue).replacing("NEEDED", with: needed)
    }

    private static let manifest = """
        # What stands here is not asked of NAME. All keys: docs/plugin-protocol.md
        name = "NAME"
        description = "What NAME updates"
        version = "1.0"
        executable = "NAME"
        applicable_if = NEEDED# programs that must be on PATH
        run_as = "user"                   # or "root"
        estimate = true                   # false: the update always runs
        separate_download = false         # true: NAME has a command "download" as well
        protected_phases = []             # ["execute"]: a commit, which is never killed
        dry_run = true
        timeouts = { update = "10m" }

        [mutexes]                         # what may not be written by two at a time
        update = ["app:NAME"]

        [settings]                        # UPDATE_ALL_… in the environment of NAME; config.toml changes them

        """

    private static let shell = #"""
        #!/bin/sh
        # NAME - says what it updates. Its manifest, NAME.toml, answers what is not asked here.
        set -eu

        # event MEMBERS: tells update-all of it.
        event() {
            printf 'PROGRESS:{%s}\n' "$1" >&2
        }

        # Changes nothing, and prints one JSON text: what there is to do. A failure exits with 3, since 1 means that the
        # plugin does not apply to this machine.
        estimate() {
            echo '{"status":"success","data":{"applicable":true,"packages_to_update":[{"name":"example","new_version":"2"}]}}'
        }

        update() {
            event '"percent":0,"message":"Looking around"'
            echo "Nothing is done yet"
            event '"type":"result","packages":[{"name":"example","from":"1","to":"2"}]'
        }

        case "$*" in
            estimate-update)
                trap '[ $? -ne 1 ] || exit 3' EXIT
                estimate
                ;;
            update) update ;;
            'update --dry-run') echo "would update example" ;;
            *) exit 2 ;; # a command that it does not know
        esac

        """#

    private static let python = #"""
        #!/usr/bin/env python3
        """NAME - says what it updates. Its manifest, NAME.toml, answers what is not asked here."""

        import json
        import sys
        import traceback


        def event(**members):
            """Tells update-all of it. Flushed, since a pipe is not written line by line by itself."""
            print("PROGRESS:" + json.dumps(members), file=sys.stderr, flush=True)


        def estimate():
            """Changes nothing, and prints one JSON text: what there is to do."""
            packages = [{"name": "example", "new_version": "2"}]
            print(json.dumps({"status": "success", "data": {"applicable": True, "packages_to_update": packages}}))


        def update():
            event(percent=0, message="Looking around")
            print("Nothing is done yet", flush=True)
            event(type="result", packages=[{"name": "example", "from": "1", "to": "2"}])


        def dry_run():
            print("would update example")


        COMMANDS = {("estimate-update",): estimate, ("update",): update, ("update", "--dry-run"): dry_run}

        command = COMMANDS.get(tuple(sys.argv[1:]))
        if command is None:
            sys.exit(2)  # a command that it does not know
        try:
            command()
        except Exception:
            traceback.print_exc()
            sys.exit(3)  # 1 would say of estimate-update that the plugin does not apply to this machine

        """#
}
