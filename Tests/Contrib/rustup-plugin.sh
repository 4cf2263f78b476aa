#!/bin/sh
# Runs contrib/plugins/rustup against answers in the form of the real one (Tests/Contrib/recorded/README.md): a toolchain
# is some hundred MB. Needs python3.
plugin_name=rustup
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
recorded_tool rustup

recording old
claim_common_answers
ask estimate-update
claim 'recorded, 1.25: an estimate names toolchains, nightlies by their day, and rustup' json '[(p["name"],
    p["current_version"], p["new_version"]) for p in answer["packages_to_update"]] == [
    ("stable-x86_64-unknown-linux-gnu", "1.66.0", "1.66.1"),
    ("nightly-x86_64-unknown-linux-gnu", "1.68.0-nightly-2023-01-05", "1.68.0-nightly-2023-01-12"),
    ("rustup", "1.25.1", "1.25.2")]'
ask update --dry-run
claim 'a dry run lists them' grep -qx 'stable-x86_64-unknown-linux-gnu 1.66.0 -> 1.66.1' "$top/out"
claim 'and updates nothing' is "$(grep -c '^update\|^self' "$top/calls")" 0

recording new
ask estimate-update
claim 'recorded, 1.29: its other words and its exit status are understood' json '[(p["name"], p["current_version"],
    p["new_version"]) for p in answer["packages_to_update"]] == [("stable-x86_64-unknown-linux-gnu", "1.94.0", "1.95.0")]'
recording current
ask estimate-update
claim 'recorded: nothing new is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"
recording offline
ask estimate-update
claim 'recorded: a server that does not answer is the network' grep -q '"code":"NETWORK_ERROR"' "$top/out"

recording old
settings='UPDATE_ALL_CPUS=2 UPDATE_ALL_MEMORY_BYTES=800000000'
ask update
claim 'recorded: each toolchain is updated for itself, and rustup last' is "$(grep '^update\|^self' "$top/calls" | tr '\n' ,)" \
    'update --no-self-update stable-x86_64-unknown-linux-gnu,update --no-self-update nightly-x86_64-unknown-linux-gnu,self update,'
claim 'the result names what was updated, and what could not be' json "$status == 1 and events[-1] is result and packages == {
    'stable-x86_64-unknown-linux-gnu': ('1.66.0', '1.66.1'), 'rustup': ('1.25.1', '1.25.2')}
    and result['held'] == ['nightly-x86_64-unknown-linux-gnu']"
claim 'what rustup says is progress' json '[e for e in events if "installing component" in e.get("message", "")]'
claim 'threads and memory are those of the hints' \
    is "$(grep -E '^RUSTUP_(IO_THREADS|UNPACK_RAM)=' "$top/environment" | sort | tr '\n' ' ')" \
    'RUSTUP_IO_THREADS=2 RUSTUP_UNPACK_RAM=400000000 '
recording old
settings=UPDATE_ALL_RUSTUP_SELF_UPDATE=false
ask_and_interrupt 'Updating stable' update
claim 'SIGINT lets the toolchain be finished, and stops before the next' \
    json "$status == 130 and list(packages) == ['stable-x86_64-unknown-linux-gnu'] and not result['held']"
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
claim_unprivileged
finish
