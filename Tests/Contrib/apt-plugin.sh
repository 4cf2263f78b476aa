#!/bin/sh
# Runs contrib/plugins/apt against the real apt and dpkg, in a private apt root that contrib/demo/make-apt-repository
# makes: offline, without root, and far from this system's packages. As root, all is run once more as an unprivileged
# user. Prints TAP and exits 1 where a claim does not hold. Needs apt-utils and python3.
set -u
export LC_ALL=C.UTF-8
project=$(cd "$(dirname "$0")/../.." && pwd -P)
plugin=$project/contrib/plugins/apt
top=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM

count=0 failures=0
# claim TEXT COMMAND...: holds where the command exits 0.
claim() {
    text=$1
    shift
    count=$((count + 1))
    if "$@" >"$top/claim" 2>&1; then
        printf 'ok %d - %s\n' "$count" "$text"
    else
        failures=$((failures + 1))
        printf 'not ok %d - %s\n' "$count" "$text"
        for file in claim out err; do sed "s/^/# $file: /" "$top/$file" 2>/dev/null; done
    fi
}

# The private system as it was made, before each scenario.
fresh_system() {
    rm -rf "$top/system/root"
    cp -a "$top/root.fresh" "$top/system/root"
}

# ask COMMAND...: the plugin, as update-all would run it, with $settings in its environment. Its streams are in $top/out
# and $top/err, its exit status in $status.
ask() {
    mkdir -p "$top/tmp"
    status=0
    # shellcheck disable=SC2086
    env -i PATH="$PATH" TMPDIR="$top/tmp" UPDATE_ALL_APT_CONFIG="$top/system/apt.conf" $settings \
        "$plugin" "$@" </dev/null >"$top/out" 2>"$top/err" || status=$?
}

# ask_and_interrupt TEXT COMMAND...: the same, and SIGINT to the plugin's main process alone once TEXT is an event.
ask_and_interrupt() {
    text=$1 status=0
    shift
    rm -f "$top/events"
    mkfifo "$top/events"
    # A shell's background job would ignore SIGINT.
    # shellcheck disable=SC2086
    env -i --default-signal=INT PATH="$PATH" TMPDIR="$top/tmp" UPDATE_ALL_APT_CONFIG="$top/system/apt.conf" $settings \
        "$plugin" "$@" </dev/null >"$top/out" 2>"$top/events" &
    child=$!
    printf '%s\n' "$child" >"$top/child"
    : >"$top/err"
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$top/err"
        case $line in *"$text"*) kill -INT "$child" ;; esac
    done <"$top/events"
    wait "$child" || status=$?
}

# json EXPRESSION: `answer` is the JSON document of stdout, `events` those of stderr, `result` the last result line.
json() {
    python3 - "$top/out" "$top/err" "$1" <<'PYTHON'
import json, sys
out = open(sys.argv[1]).read()
prefix = "PROGRESS:"
events = [json.loads(line[len(prefix):]) for line in open(sys.argv[2]) if line.startswith(prefix)]
answer = json.loads(out)["data"] if out.startswith("{") else None
result = next((e for e in reversed(events) if e["type"] == "result"), None)
packages = {p["name"]: (p.get("from"), p.get("to")) for p in result["packages"]} if result else {}
value = eval("(" + sys.argv[3] + ")")
print(sys.argv[3], "is", value, "in", answer or events)
sys.exit(not value)
PYTHON
}

is() { [ "$1" = "$2" ] || { printf "'%s' is not '%s'\n" "$1" "$2" && false; }; }
in_database() { dpkg-query --admindir="$top/system/root/var/lib/dpkg" -W -f '${Version} ${db:Status-Status}' "$1"; }
audit_is_silent() { is "$(dpkg --admindir="$top/system/root/var/lib/dpkg" --audit 2>&1)" ''; }
dpkg_there() {
    dpkg --root="$top/system/root" --log=/dev/null --force-not-root --force-script-chrootless "$@" >/dev/null 2>&1
}
apt_configuration() { printf '%s\n' "$1" >"$top/system/root/etc/apt/apt.conf.d/test"; }

sh "$project/contrib/demo/make-apt-repository" "$top/system" || exit 1
cp -a "$top/system/root" "$top/root.fresh"
settings=

# ---- questions ---------------------------------------------------------------------------------------------------
ask is-applicable
claim 'it applies where apt-get is' is "$status" 0
ask version
claim 'its version is that of the manifest' grep -qx "version = \"$(cat "$top/out")\"" "$plugin.toml"
ask no-such-command
claim 'an unknown command exits 2' is "$status" 2
ask validate
claim 'a whole system is valid' is "$status" 0

ask estimate-update
claim 'estimate-update succeeds' is "$status" 0
claim 'an estimate names old and new version and the bytes to fetch' \
    json '[p for p in answer["packages_to_update"] if p["name"] == "demo-data" and p["current_version"] == "1.0"
        and p["new_version"] == "2.0" and p["download_size_bytes"] > 3e6]'
claim 'a package that is new has no old version' \
    json '[p for p in answer["packages_to_update"] if p["name"] == "demo-addon" and "current_version" not in p]'
claim 'the total is the sum' \
    json 'answer["total_download_size_bytes"] == sum(p["download_size_bytes"] for p in answer["packages_to_update"])'
claim 'an update from a security archive is marked' json 'answer["security_updates"] is True'
claim 'packages that are held or would need a removal are not in it' \
    json 'not {"demo-held", "demo-successor"} & {p["name"] for p in answer["packages_to_update"]}'
claim 'what is kept back is said' grep -q 'kept back: demo-held demo-successor' "$top/err"

settings=UPDATE_ALL_APT_DIST_UPGRADE=true
ask estimate-update
claim 'with dist_upgrade a removal is no obstacle' \
    json '"demo-successor" in {p["name"] for p in answer["packages_to_update"]}'
settings=

ask update --dry-run
claim 'a dry run lists the upgrade' grep -qx 'demo-data 1.0 -> 2.0' "$top/out"
claim 'a dry run changes nothing' is "$(in_database demo-data)" '1.0 installed'

# ---- download and update -----------------------------------------------------------------------------------------
ask download
claim 'download succeeds' is "$status" 0
claim 'download reports bytes up to the total' \
    json 'events[-1]["bytes_downloaded"] == events[-1]["bytes_total"] > 3e6 and
        all(e["phase"] == "download" and e.get("bytes_downloaded", 0) <= events[-1]["bytes_total"] for e in events)'
claim 'download installs nothing' is "$(in_database demo-data)" '1.0 installed'
ask estimate-update
claim 'what was downloaded need not be fetched again' \
    json 'answer["total_download_size_bytes"] == 0 and answer["packages_to_update"]'

mv "$top/system/repository/pool" "$top/pool"
mkdir -p "$top/system/root/run"
: >"$top/system/root/run/reboot-required"
ask update
mv "$top/pool" "$top/system/repository/pool"
claim 'update succeeds without the archive, since the download was done' is "$status" 0
claim 'update reports percent, message and package' \
    json '[e for e in events if e.get("package") == "demo-service" and "Configuring" in e["message"]
        and 0 < e["percent"] < 100]'
claim 'percent never falls' \
    json '(lambda p: p == sorted(p) and len(p) > 10)([e["percent"] for e in events if "percent" in e])'
claim 'the result comes last, with old and new versions' \
    json 'events[-1] is result and packages["demo-library"] == ("1.0", "2.0")
        and packages["demo-addon"] == (None, "2.0")'
claim 'the result counts its packages' json 'result["packages_updated"] == len(packages) == 6'
claim 'the result names what was held' json 'result["held"] == ["demo-held", "demo-successor"]'
claim 'the result says that a reboot is required' json 'result["reboot_required"] is True'
claim 'the packages are installed' is "$(in_database demo-suite)" '2.0 installed'
claim 'the held package is as it was' is "$(in_database demo-held)" '1.0 installed'
claim 'the conffile that was edited is kept' grep -qx 'workers = 8' "$top/system/root/etc/demo-settings.conf"
claim 'the conffile that was shipped is beside it' grep -q 2.0 "$top/system/root/etc/demo-settings.conf.dpkg-dist"
claim 'dpkg finds nothing to mend' audit_is_silent
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''

ask estimate-update
claim 'afterwards all is up to date' \
    json 'answer["packages_to_update"] == [] and answer["total_download_size_bytes"] == 0'
touch -d '2 hours ago' "$top/system/root/var/lib/apt/lists/partial"
ask estimate-update
claim 'old lists that know of no update prove nothing' is "$status" 2
ask update
claim 'an update with nothing to do succeeds with an empty result' \
    json "$status == 0 and packages == {} and result['packages_updated'] == 0"

# ---- an update that was not downloaded, with a removal -----------------------------------------------------------
fresh_system
settings=UPDATE_ALL_APT_DIST_UPGRADE=true
ask update
claim 'update fetches what is missing' json "$status == 0 and packages['demo-data'] == ('1.0', '2.0')"
claim 'a package that was removed has no new version' json 'packages["demo-legacy"] == ("1.0", None)'
claim 'and dpkg finds nothing to mend' audit_is_silent
settings=

fresh_system
sed -i 's/copy:/file:/' "$top/system/root/etc/apt/sources.list"
ask download
claim 'the packages of a file: archive are not downloaded' is "$status" 0
ask estimate-update
claim 'nor counted' json 'answer["total_download_size_bytes"] == 0 and answer["packages_to_update"]'
ask update
claim 'but installed' is "$status $(in_database demo-data)" '0 2.0 installed'

# ---- a failure, and what an earlier one left ---------------------------------------------------------------------
fresh_system
apt_configuration 'DPkg::Pre-Invoke { "false"; };'
ask update
claim 'a failure of apt is one of the plugin, with a result' json "$status == 100 and result['packages'] == []"

fresh_system
dpkg_there --unpack "$top/system/repository/pool/demo-security/demo-library_2.0_all.deb"
ask validate
claim 'a package that is not configured is found' is "$status" 1
claim 'and the mend is named' grep -q 'dpkg --configure -a' "$top/err"
database=$top/system/root/var/lib/dpkg
sed -n '/^Package: demo-held$/,/^$/p' "$database/status" >"$database/updates/0001"
ask update
claim 'update finishes what dpkg did not, journal included' is "$status $(in_database demo-library)" '0 2.0 installed'
claim 'so that dpkg finds nothing to mend' audit_is_silent

# ---- SIGINT ------------------------------------------------------------------------------------------------------
fresh_system
ask_and_interrupt 'Configuring demo-service' update
claim 'SIGINT lets the package that is configured be finished' is "$(in_database demo-service)" '2.0 installed'
claim 'SIGINT while dpkg configures leaves nothing unconfigured' audit_is_silent
claim 'the plugin outlives apt and reports' json "$status == 0 and events[-1] is result and len(packages) == 6"

fresh_system
apt_configuration 'DPkg::Pre-Invoke { "sleep 1"; };'
ask_and_interrupt 'Retrieving file 6 of 6' update
claim 'SIGINT before dpkg has begun ends the update' is "$status $(in_database demo-data)" '130 1.0 installed'

fresh_system
# Each dpkg takes longer, so that the signal comes before the next.
apt_configuration 'DPkg::Options:: "--post-invoke=sleep 1";'
settings=UPDATE_ALL_APT_DIST_UPGRADE=true
ask_and_interrupt 'Removing demo-legacy' update
claim 'SIGINT between two dpkgs stops before the next' is "$(in_database demo-data)" '1.0 installed'
claim 'an update that was stopped exits 130 and reports what was done' \
    json "$status == 130 and packages == {'demo-legacy': ('1.0', None)}"
claim 'a stopped update leaves nothing unconfigured' audit_is_silent
settings=

fresh_system
# apt's death in the instant between unpacking and configuring, when it has no handler for the signal.
cat >"$top/die" <<SCRIPT
[ ! -e $top/died ] || exit 0
: >$top/died
kill -INT \$(cat $top/child)
kill -KILL \$(pgrep -x -P \$(cat $top/child) apt-get)
SCRIPT
apt_configuration "DPkg::Options:: \"--post-invoke=sh $top/die\";"
ask_and_interrupt 'no event has this text' update
claim 'an apt that died with packages unpacked is noticed' grep -q 'completing what was begun' "$top/err"
claim 'what apt left unpacked is configured' is "$(in_database demo-suite)" '2.0 installed'
claim 'and counts as done' json "$status == 0 and len(packages) == 6"
claim 'and all is whole' audit_is_silent

# ---- the rate of a download --------------------------------------------------------------------------------------
fresh_system
mkfifo "$top/port"
python3 -u -m http.server --bind 127.0.0.1 --directory "$top/system/repository" 0 >"$top/port" 2>/dev/null &
server=$!
read -r _ _ _ _ _ port _ <"$top/port"
sed -i "s,copy:[^ ]*,http://127.0.0.1:$port," "$top/system/root/etc/apt/sources.list"
settings=UPDATE_ALL_DOWNLOAD_RATE_BYTES=1048576
started=$(date +%s%N)
ask download
took=$((($(date +%s%N) - started) / 1000000))
claim 'a download over HTTP succeeds' is "$status" 0
claim "3.1 MB at 1 MiB/s take two seconds at least ($took ms)" [ "$took" -ge 2000 ]
settings=

# ---- the same as an unprivileged user ----------------------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
    status=0
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --reuid=65534 --regid=65534 --clear-groups \
        sh "$0" >"$top/subtest" || status=$?
    sed 's/^/    /' "$top/subtest"
    claim 'all of it holds for an unprivileged user' is "$status" 0
fi

printf '1..%d\n' "$count"
[ "$failures" -eq 0 ]
