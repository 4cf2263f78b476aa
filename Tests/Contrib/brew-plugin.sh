#!/bin/sh
# Runs contrib/plugins/brew against answers in the form of the real one (Tests/Contrib/recorded/README.md): it is not in Debian.
# As root, only that it refuses; all else as an unprivileged user. Needs python3.
plugin_name=brew
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
recorded_tool brew
recording outdated

if [ "$(id -u)" = 0 ]; then
    for command in estimate-update download update validate; do
        ask "$command"
        claim "$command does nothing as root" is "$status $(cat "$top/calls")" '1 '
    done
    claim 'and says how else' grep -q 'does not run as root: run update-all as the person' "$top/err"
    claim_unprivileged
    finish
    exit
fi

claim_common_answers
ask estimate-update
claim 'recorded: an estimate has the newest of the versions that are there' json '[(p["name"], p["current_version"],
    p["new_version"]) for p in answer["packages_to_update"]] ==
    [("eigen", "3.3.9", "3.4.0"), ("ktmpl", "0.9.0", "0.9.1")]'
ask update --dry-run
claim 'a dry run lists them, and what is pinned' is "$(cat "$top/out")" "$(printf '%s\n' 'eigen 3.3.9 -> 3.4.0' 'jq is pinned' \
    'ktmpl 0.9.0 -> 0.9.1')"

settings='UPDATE_ALL_CPUS=3 UPDATE_ALL_DOWNLOAD_RATE_BYTES=500000'
ask download
claim 'recorded: the list of formulae is fetched, then each bottle' is "$status $(grep '^update\|^fetch' "$top/calls" | tr '\n' ,)" \
    '0 update,fetch --formula eigen,fetch --formula ktmpl,'
claim 'what brew says is progress of the download' json '[e for e in events if "eigen: Fetching eigen" in e["message"]]
    and all(e["phase"] == "download" for e in events)'
claim 'the rate is curl'\''s' grep -q '^HOMEBREW_CURLRC=.*/curlrc' "$top/environment"
ask update
claim 'recorded: the result has old and new versions' json "$status == 0 and events[-1] is result and
    packages == {'eigen': ('3.3.9', '3.4.0'), 'ktmpl': ('0.9.0', '0.9.1')} and result['packages_updated'] == 2"
claim 'what is pinned is held, and not upgraded' json 'result["held"] == ["jq"]'
claim 'pouring is progress' json '[e for e in events if "Pouring ktmpl--0.9.1" in e.get("message", "")]'
claim 'jobs are those of the hint' grep -qx HOMEBREW_MAKE_JOBS=3 "$top/environment"
claim 'brew neither asks nor updates itself meanwhile' \
    is "$(grep -cE '^HOMEBREW_NO_(AUTO_UPDATE|ASK)=1$' "$top/environment")" 2
settings=
ask estimate-update
claim 'old knowledge of no update proves nothing' is "$status" 2
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"

recording failing
ask update
claim 'recorded: a failure of one does not keep the others from being upgraded' \
    json "$status == 1 and packages == {'ktmpl': ('0.9.0', '0.9.1')}"
recording outdated
ask_and_interrupt 'brew upgrade eigen' update
claim 'SIGINT lets the formula be finished, and stops before the next' \
    is "$status $(grep -c '^upgrade' "$top/calls")" '130 1'
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
finish
