#!/bin/sh
# Runs contrib/plugins/conda against answers in the form of the real one (Tests/Contrib/recorded/README.md): Debian has none,
# and none was found on PyPI. Needs python3.
plugin_name=conda
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
recorded_tool conda
recording outdated
mkdir -p "$top/base/conda-meta"

claim_common_answers
ask estimate-update
claim 'recorded: an estimate names packages and environment, and what is to be downloaded' json '[(p["name"].split(" (")[0],
    p.get("current_version"), p.get("new_version"), p["download_size_bytes"]) for p in answer["packages_to_update"]] == [
    ("pytest", "7.1.2", "7.4.0", 1024000), ("iniconfig", None, "1.1.1", 0), ("py", "1.11.0", None, 0)]
    and answer["total_download_size_bytes"] == 1024000'
ask update --dry-run
claim 'a dry run lists them' grep -q '^pytest (.*/base) 7.1.2 -> 7.4.0$' "$top/out"
claim 'and updates nothing' is "$(grep -c -v 'dry-run\|info' "$top/calls")" 0

settings=UPDATE_ALL_CPUS=2
ask download
claim 'recorded: what conda fetches is progress' json "$status == 0 and [e for e in events
    if e['message'] == 'Downloading pytest-7.4.0, 70 %'] and all(e['phase'] == 'download' for e in events)"
claim 'a download installs nothing' grep -q -- '--download-only' "$top/calls"
ask update
claim 'recorded: the result has old and new versions, what is new and what is gone' json "$status == 0 and events[-1] is result
    and {n.split(' (')[0]: v for n, v in packages.items()} == {
    'pytest': ('7.1.2', '7.4.0'), 'iniconfig': (None, '1.1.1'), 'py': ('1.11.0', None)}"
claim 'a transaction is progress' json '[e for e in events if "Executing transaction" in e.get("message", "")]'
claim 'threads are those of the hint' grep -qx CONDA_DEFAULT_THREADS=2 "$top/environment"
ask estimate-update
claim 'recorded: nothing new is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"

recording offline
ask estimate-update
claim 'recorded: a channel that does not answer is the network' grep -q '"code":"NETWORK_ERROR"' "$top/out"
: >"$top/base/conda-meta/frozen"
ask estimate-update
claim 'a frozen environment is left alone' is "$status" 1
claim 'and that is told' grep -q 'base is frozen' "$top/err"
rm "$top/base/conda-meta/frozen"
settings=UPDATE_ALL_CONDA_BASE=false
ask estimate-update
claim 'and so is the base, where the setting says so' is "$status" 1

recording outdated
settings="UPDATE_ALL_CONDA_ENVIRONMENTS=$top/other"
mkdir -p "$top/other/conda-meta"
ask_and_interrupt 'base: solving' update
claim 'SIGINT lets the environment be finished, and stops before the next' json "$status == 130 and len(packages) == 3"
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
claim_unprivileged
finish
