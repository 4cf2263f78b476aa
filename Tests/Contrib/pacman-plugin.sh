#!/bin/sh
# Runs contrib/plugins/pacman against the real pacman, with a repository and a root of its own, offline. As an
# unprivileged user, under fakeroot. Needs the Debian packages pacman-package-manager, fakeroot, curl and python3.
plugin_name=pacman
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
for tool in pacman fakeroot curl; do
    command -v "$tool" >/dev/null || skip "$tool is missing: apt-get install pacman-package-manager fakeroot curl"
done
"${0%/*}/support/make-pacman-repository" "$top/system" || exit 1
cp -a "$top/system/root" "$top/root.fresh"
environment=UPDATE_ALL_PACMAN_CONFIG=$top/system/pacman.conf
sync=$top/system/root/var/lib/pacman/sync
fresh_system() {
    rm -rf "$top/system/root"
    cp -a "$top/root.fresh" "$top/system/root"
}
installed() { pacman --config "$top/system/pacman.conf" -Q "$1"; }
if [ "$(id -u)" != 0 ]; then
    plugin_as_it_is=$plugin
    mkdir "$top/bin"
    # What asks for root gets fakeroot's.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase $1 in download | update) exec fakeroot -- %s "$@" ;; esac\nexec %s "$@"\n' \
        "$plugin_as_it_is" "$plugin_as_it_is" >"$top/bin/pacman"
    chmod +x "$top/bin/pacman"
    cp "$plugin.toml" "$top/bin/"
    plugin=$top/bin/pacman
fi

claim_common_answers

ask estimate-update
claim 'estimate-update succeeds' is "$status" 0
claim 'it knows the new packages although the databases of the system do not' \
    json '{"name": "demo-data", "current_version": "1.0-1", "new_version": "2.0-1"}.items()
        <= [p for p in answer["packages_to_update"] if p["name"] == "demo-data"][0].items()'
claim 'a dependency that is new has no old version' \
    json '[p for p in answer["packages_to_update"] if p["name"] == "demo-addon" and "current_version" not in p]'
claim 'an ignored package is not in it' json 'len(answer["packages_to_update"]) == 4'
claim 'the bytes to fetch are known' json '2e7 < answer["total_download_size_bytes"] < 2.1e7'
claim 'and the databases of the system are not refreshed by it' [ ! -e "$sync/demo.db" ]
ask update --dry-run
claim 'a dry run lists the upgrade' grep -qx 'demo-data 1.0-1 -> 2.0-1' "$top/out"
claim 'and what is ignored' grep -qx 'demo-held is ignored' "$top/out"
claim 'and changes nothing' is "$(installed demo-data 2>/dev/null) $(ls "$sync" 2>/dev/null)" 'demo-data 1.0-1 '

mv "$top/system/repository/demo-suite-2.0-1-any.pkg.tar" "$top/away"
ask download
claim 'a download that fails is a failure' [ "$status" -ne 0 ]
claim 'and leaves the databases as they were: no partial upgrade comes of it' [ ! -e "$sync/demo.db" ]
mv "$top/away" "$top/system/repository/demo-suite-2.0-1-any.pkg.tar"

fresh_system
ask download
claim 'download succeeds' is "$status" 0
claim 'download reports packages, and never falls' \
    json '(lambda p: p == sorted(p) and p[-1] == 100 and len(p) == 5)([e["percent"] for e in events if "percent" in e])'
claim 'download installs nothing' is "$(installed demo-data)" 'demo-data 1.0-1'
ask estimate-update
claim 'what was downloaded need not be fetched again' \
    json 'answer["total_download_size_bytes"] == 0 and len(answer["packages_to_update"]) == 4'

mv "$top/system/repository" "$top/away"
mkdir -p "$top/system/root/usr/lib/modules/$(uname -r)"
ask update
mv "$top/away" "$top/system/repository"
claim 'update succeeds without the mirror, since the download was done' is "$status" 0
claim 'it reports each package' \
    json '[e["package"] for e in events if "package" in e] and [e for e in events if e.get("package") == "demo-suite"
        and e["items_total"] == 4 and 0 < e["percent"] < 100]'
claim 'the result comes last, with old and new versions' \
    json 'events[-1] is result and packages == {"demo-data": ("1.0-1", "2.0-1"), "demo-library": ("1.0-1", "2.0-1"),
        "demo-suite": ("1.0-1", "2.0-1"), "demo-addon": (None, "2.0-1")}'
claim 'the result names what is held' json 'result["held"] == ["demo-held"]'
claim 'no reboot while the modules of the running kernel are there' json 'result["reboot_required"] is False'
claim 'the packages are installed' is "$(installed demo-suite)" 'demo-suite 2.0-1'
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do has an empty result' json "$status == 0 and packages == {}"

fresh_system
mkdir -p "$top/system/root/usr/lib/modules/$(uname -r)"
ask download
mkfifo "$top/events"
(plugin_command update) >"$top/out" 2>"$top/events" &
child=$!
while IFS= read -r line; do
    # What a new kernel's package does.
    case $line in *'demo-data'*) rm -rf "$top/system/root/usr/lib/modules" ;; esac
    printf '%s\n' "$line"
done <"$top/events" >"$top/err"
wait "$child"
claim 'a reboot is required once they are gone' json 'result["reboot_required"] is True'

fresh_system
: >"$top/system/root/var/lib/pacman/db.lck"
ask validate
claim 'the lock of a pacman that was killed is found' is "$status" 1
claim 'and the mend is named' grep -q 'remove that file' "$top/err"
ask update
claim 'a failure of pacman is one of the plugin, with a result' json "$status == 1 and packages == {}"

fresh_system
# curl limits no file: URL.
serve "$top/system/repository"
sed -i "s,^Server = .*,Server = http://127.0.0.1:$port," "$top/system/pacman.conf"
settings=UPDATE_ALL_DOWNLOAD_RATE_BYTES=4000000
started=$(date +%s%N)
ask download
took=$((($(date +%s%N) - started) / 1000000))
claim 'a download under a rate succeeds' is "$status $(find "$top/system/root/var/cache" -type f | wc -l)" '0 4'
claim "20 MB at 4 MB/s take seconds, although curl lets through what a socket holds ($took ms)" [ "$took" -ge 2000 ]
settings=

claim_unprivileged
finish
