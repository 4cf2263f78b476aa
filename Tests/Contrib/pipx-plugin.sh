#!/bin/sh
# Runs contrib/plugins/pipx against the real pipx, on an index in a directory. As root, all is run once more as an
# unprivileged user. Needs pipx and python3-venv.
plugin_name=pipx
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v pipx >/dev/null || skip 'pipx is missing: apt-get install pipx'
use_python

export PIPX_HOME="$top/home/pipx" PIPX_BIN_DIR="$top/home/bin" HOME="$top/home"
export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS="$top/index"
environment="PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$top/index"
settings="UPDATE_ALL_PIPX_HOME=$PIPX_HOME UPDATE_ALL_PIPX_BIN_DIRECTORY=$PIPX_BIN_DIR"

# pipx wants them for the libraries that its environments share; these stand for newer ones, which are not there.
make_wheel wheel 0.1
for name in app last other; do
    make_wheel "demo-$name" 1.0
    pipx install "demo-$name" >"$top/out" 2>"$top/err" || {
        cat "$top/out" "$top/err"
        skip 'this pipx cannot install without an index on the network'
    }
done
make_wheel demo-app 2.0
make_wheel demo-last 2.0

# ---- questions ---------------------------------------------------------------------------------------------------
claim_common_answers
ask estimate-update
claim 'an estimate names the applications that have a new version' json '[(p["name"], p["current_version"],
    p["new_version"]) for p in answer["packages_to_update"]] == [("demo-app", "1.0", "2.0"), ("demo-last", "1.0", "2.0")]'
ask update --dry-run
claim 'a dry run lists them' grep -qx 'demo-app 1.0 -> 2.0' "$top/out"
claim 'and upgrades nothing' is "$("$PIPX_BIN_DIR/demo-app")" 1.0

# ---- update ------------------------------------------------------------------------------------------------------
ask_and_interrupt 'Upgrading demo-app' update
claim 'SIGINT lets the application be finished, and stops before the next' \
    is "$("$PIPX_BIN_DIR/demo-app") $("$PIPX_BIN_DIR/demo-last")" '2.0 1.0'
claim 'a stopped update exits 130 and reports what was done' \
    json "$status == 130 and packages == {'demo-app': ('1.0', '2.0')}"
ask update
claim 'update succeeds' is "$status" 0
claim 'the result comes last, with old and new version' \
    json 'events[-1] is result and packages == {"demo-last": ("1.0", "2.0")} and result["packages_updated"] == 1'
claim 'what pipx says is progress' json '[e for e in events if "upgrading demo-last..." in e.get("message", "")
    and e["items_total"] == 1]'
claim 'the application is the new one' is "$("$PIPX_BIN_DIR/demo-last")" 2.0
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"

# ---- failures ----------------------------------------------------------------------------------------------------
make_wheel demo-app 3.0
make_wheel demo-other 3.0
printf 'not a wheel\n' >"$top/index/demo_app-3.0-py3-none-any.whl"
ask update
claim 'a failure of one does not keep the others from being upgraded' \
    json "$status == 1 and packages == {'demo-other': ('1.0', '3.0')}"
rm "$top/index/demo_app-3.0-py3-none-any.whl"
environment='PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=http://127.0.0.1:1/'
ask estimate-update
claim 'an index that does not answer is the network, not an empty index' grep -q '"code":"NETWORK_ERROR"' "$top/out"

ln -sf /nonexistent "$PIPX_HOME/venvs/demo-other/bin/python"
ask validate
claim 'an application whose Python is gone is found, and the mend named' grep -q 'pipx reinstall-all' "$top/err"

claim_unprivileged
finish
