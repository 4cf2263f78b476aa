#!/bin/sh
# Runs contrib/plugins/apt against the real apt and dpkg, in a private apt root that contrib/demo/make-apt-repository
# makes: offline, without root, and far from this system's packages. As root, all is run once more as an unprivileged
# user. Needs apt-utils and python3.
plugin_name=apt
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"

# The private system as it was made, before each scenario.
fresh_system() {
    rm -rf "$top/system/root"
    cp -a "$top/root.fresh" "$top/system/root"
}

in_database() { dpkg-query --admindir="$top/system/root/var/lib/dpkg" -W -f '${Version} ${db:Status-Status}' "$1"; }
audit_is_silent() { is "$(dpkg --admindir="$top/system/root/var/lib/dpkg" --audit 2>&1)" ''; }
dpkg_there() {
    dpkg --root="$top/system/root" --log=/dev/null --force-not-root --force-script-chrootless "$@" >/dev/null 2>&1
}
apt_configuration() { printf '%s\n' "$1" >"$top/system/root/etc/apt/apt.conf.d/test"; }

sh "$project/contrib/demo/make-apt-repository" "$top/system" || exit 1
cp -a "$top/system/root" "$top/root.fresh"
environment=UPDATE_ALL_APT_CONFIG=$top/system/apt.conf

# ---- questions ---------------------------------------------------------------------------------------------------
claim_common_answers

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

# ---- security archives alone -------------------------------------------------------------------------------------
fresh_system
settings=UPDATE_ALL_APT_SECURITY_ONLY=true
ask estimate-update
claim 'with security_only an estimate has what a security archive has' \
    json '[p["name"] for p in answer["packages_to_update"]] == ["demo-library"] and answer["security_updates"] is True'
mkdir -p "$top/system/root/etc/apt/preferences.d"
printf 'Package: demo-library\nPin: version 1.0\nPin-Priority: 1001\n' >"$top/system/root/etc/apt/preferences.d/pin"
ask estimate-update
claim 'what the administrator pins stays pinned' json 'answer["packages_to_update"] == []'
rm "$top/system/root/etc/apt/preferences.d/pin"
ask update
claim 'and nothing else is installed' json "$status == 0 and packages == {'demo-library': ('1.0', '2.0')}"
claim 'the rest is as it was' is "$(in_database demo-data)" '1.0 installed'
settings=

# ---- needrestart, by what it once said ---------------------------------------------------------------------------
fresh_system
mkdir -p "$top/system/root/usr/sbin"
replay needrestart needrestart.txt
cp "$top/bin/needrestart" "$top/system/root/usr/sbin/needrestart"
ask update
claim 'the result names the services that run with old libraries' \
    json 'result["restart"] == ["systemd-journald.service", "systemd-machined.service"]'
claim 'a kernel that is as installed needs no reboot' json 'result["reboot_required"] is False'
claim 'needrestart was told to restart nothing' is "$(cat "$top/needrestart.txt.calls")" '-b -r l'
fresh_system
mkdir -p "$top/system/root/usr/sbin"
replay needrestart needrestart-kernel.txt
cp "$top/bin/needrestart" "$top/system/root/usr/sbin/needrestart"
settings=UPDATE_ALL_APT_RESTART_SERVICES=true
ask update
claim 'a newer kernel needs a reboot' json 'result["reboot_required"] is True'
claim 'with restart_services needrestart is told to restart' was_asked needrestart '-r a'
settings=

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

claim_unprivileged
finish
