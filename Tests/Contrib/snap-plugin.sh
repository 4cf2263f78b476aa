#!/bin/sh
# Runs contrib/plugins/snap against what the real client of snapd once answered; recorded/snap-*.txt say how it was
# recorded. Needs python3.
plugin_name=snap
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
replay snap snap-update.txt
claim_common_answers
rm "$top/snap.txt.calls"
ask estimate-update
claim 'an estimate names old and new version and the bytes to fetch' \
    json "$status == 0 and answer['packages_to_update'] == [
        {'name': 'core22', 'current_version': '20240731', 'new_version': '20240823', 'download_size_bytes': 77000000},
        {'name': 'firefox', 'current_version': '129.0.2-1', 'new_version': '130.0-1', 'download_size_bytes': 283000000}]"
ask update --dry-run
claim 'a dry run lists the refreshes' grep -qx 'firefox 129.0.2-1 -> 130.0-1' "$top/out"
claim 'and makes none' [ "$(grep -c '^refresh [a-z]' "$top/snap.txt.calls")" = 0 ]
# What was recorded before the update: twice to validate, once each to estimate and for the dry run.
printf 'list\nlist\nlist\nlist\nrefresh --list\nrefresh --list\n' >"$top/snap.txt.calls"
ask update
claim 'update succeeds' is "$status" 0
claim 'it reports each snap' \
    json '[(e["package"], e["percent"]) for e in events if "package" in e] == [("core22", 0), ("firefox", 50)]'
claim 'the result comes last, with old and new versions' \
    json 'events[-1] is result and packages == {"core22": ("20240731", "20240823"), "firefox": ("129.0.2-1", "130.0-1")}'
ask estimate-update
claim 'afterwards all is up to date' json "$status == 0 and answer['packages_to_update'] == []"

replay snap snap-failure.txt
ask update
claim 'a snap that cannot be refreshed is a failure, and named' \
    [ "$status $(grep -c "'core22' could not be refreshed" "$top/err")" = '1 1' ]
claim 'and keeps back no other' json 'packages == {"firefox": ("129.0.2-1", "130.0-1")}'

# Since version 2.58 the notes tell what is held.
replay snap snap-failure.txt
sed -i '/hello-world/s/-$/held/' "$top/snap.txt"
ask update
claim 'the result names what is held' json 'result["held"] == ["hello-world"]'

replay snap snap-failure.txt
ask_and_interrupt 'Refreshing core22' update
claim 'after SIGINT no further snap is begun' [ "$status $(grep -c '^refresh firefox' "$top/snap.txt.calls")" = '130 0' ]

replay snap snap-failure.txt
sed -i '/hello-world/s/-$/broken/' "$top/snap.txt"
ask validate
claim 'a broken snap is found, and the mend named' [ "$status $(grep -c 'snap revert' "$top/err")" = '1 1' ]
finish
