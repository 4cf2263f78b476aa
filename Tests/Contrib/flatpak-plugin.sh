#!/bin/sh
# Runs contrib/plugins/flatpak against the real flatpak, with an OSTree repository and two installations of its own,
# offline. Needs root, since flatpak asks the system bus whether anybody else may install an application, and the Debian
# packages flatpak and python3.
plugin_name=flatpak
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v flatpak >/dev/null || skip 'flatpak is missing: apt-get install flatpak'
[ "$(id -u)" = 0 ] || skip 'needs root: flatpak asks the system bus whether anybody else may install'
export HOME="$top/home" FLATPAK_SYSTEM_DIR="$top/system" FLATPAK_USER_DIR="$top/user"
export XDG_DATA_HOME="$top/home/data" XDG_CACHE_HOME="$top/home/cache"
environment="FLATPAK_SYSTEM_DIR=$FLATPAK_SYSTEM_DIR FLATPAK_USER_DIR=$FLATPAK_USER_DIR XDG_DATA_HOME=$XDG_DATA_HOME
    XDG_CACHE_HOME=$XDG_CACHE_HOME"
arch=$(flatpak --default-arch)
quietly() { "$@" >"$top/log" 2>&1 || cat "$top/log"; }

# publish VERSION: a runtime and an application that needs it.
publish() {
    rm -rf "$top/runtime" "$top/application"
    mkdir -p "$top/runtime/files" "$top/runtime/usr" "$top/application/files" "$top/application/export"
    printf '%s\n' "$1" >"$top/runtime/files/version"
    head -c 300000 /dev/urandom >"$top/application/files/data"
    for kind in runtime application; do
        name=Platform heading=Runtime
        [ "$kind" = runtime ] || name=App heading=Application
        printf '[%s]\nname=org.demo.%s\nruntime=org.demo.Platform/%s/1\nsdk=org.demo.Platform/%s/1\n' \
            "$heading" "$name" "$arch" "$arch" >"$top/$kind/metadata"
    done
    quietly flatpak build-export --runtime --files=files "$top/repository" "$top/runtime" 1
    quietly flatpak build-export "$top/repository" "$top/application" stable
}
active() { flatpak info "--$1" --show-commit org.demo.App; }

publish 1
for option in --user --system; do
    quietly flatpak remote-add "$option" --no-gpg-verify demo "file://$top/repository"
    quietly flatpak install "$option" --noninteractive demo org.demo.App
done
claim_common_answers

ask estimate-update
claim 'what is up to date is said to be' json "$status == 0 and answer['packages_to_update'] == []"
before=$(active user)
publish 2
ask estimate-update
claim 'an update is found in each installation' \
    json "len([p for p in answer['packages_to_update'] if p['name'] == 'org.demo.App']) == 2"
claim 'with its commits, where no version is known, and its size' \
    json "[p for p in answer['packages_to_update'] if '$before'.startswith(p['current_version'])
        and p['new_version'] != p['current_version'] and p['download_size_bytes'] > 3e5]"
claim 'the total is the sum' json "6e5 < answer['total_download_size_bytes'] < 6.2e5"
ask update --dry-run
claim 'a dry run lists the update' grep -q "^org.demo.App $(printf %.12s "$before") -> " "$top/out"
claim 'and changes nothing' is "$(active user)" "$before"

ask download
claim 'download succeeds' is "$status" 0
claim 'it reports each ref, up to 100' \
    json "(lambda p: p == sorted(p) and p[-1] == 100 and len(p) == 5)([e['percent'] for e in events if 'percent' in e])"
claim 'it deploys nothing' is "$(active user)" "$before"
mv "$top/repository" "$top/away"
ask update
claim 'update succeeds without the remote, since the download was done' is "$status" 0
mv "$top/away" "$top/repository"
claim 'it reports its refs' json '[e for e in events if e.get("package") == "org.demo.App" and "Updating" in e["message"]]'
claim 'the result comes last, with what was deployed' \
    json "events[-1] is result and result['packages_updated'] == 4
        and '$before'.startswith(packages['org.demo.App'][0]) and '$(active user)'.startswith(packages['org.demo.App'][1])"
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do has an empty result' json "$status == 0 and packages == {}"

publish 3
quietly flatpak mask --user org.demo.App
ask estimate-update
claim 'a masked application is not in it' \
    json "len([p for p in answer['packages_to_update'] if p['name'] == 'org.demo.App']) == 1"
ask update
claim 'and held in the result' json 'result["held"] == ["org.demo.App"]'
quietly flatpak mask --user --remove org.demo.App

settings=UPDATE_ALL_FLATPAK_INSTALLATIONS=user
ask estimate-update
claim 'only the configured installations are asked' json "len(answer['packages_to_update']) == 2"
mv "$top/repository" "$top/away"
ask estimate-update
claim 'a remote that does not answer is a fault that passes' json "$status == 3 and answer is None"
ask download
claim 'and a failure of the download' [ "$status" -ne 0 ]
mv "$top/away" "$top/repository"
settings=UPDATE_ALL_FLATPAK_INSTALLATIONS=us@er
ask estimate-update
claim 'a name that cannot be one is refused with what to do' grep -q 'installations.d' "$top/err"

finish
