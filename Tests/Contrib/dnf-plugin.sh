#!/bin/sh
# Runs contrib/plugins/dnf against the real dnf, with a repository on the loopback interface and a root of its own. Needs
# root, since rpm changes to that root, and the Debian packages dnf, rpm, createrepo-c and python3.
plugin_name=dnf
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
for tool in dnf rpmbuild createrepo_c; do
    command -v "$tool" >/dev/null || skip "$tool is missing: apt-get install dnf rpm createrepo-c"
done
[ "$(id -u)" = 0 ] || skip 'needs root: rpm changes to the root that it installs in'
# Debian's rpm has its database in the home directory.
export HOME="$top/home"
"${0%/*}/support/make-rpm-repository" "$top/system" || exit 1
serve "$top/system/repository"
root=$top/system/root
mkdir -p "$root/etc/yum.repos.d"
printf '[demo]\nname=Demo\nbaseurl=http://127.0.0.1:%s\ngpgcheck=0\n' "$port" >"$root/etc/yum.repos.d/demo.repo"
cat >"$top/system/dnf.conf" <<CONF
[main]
reposdir=$root/etc/yum.repos.d
varsdir=$root/etc/vars
logdir=/var/log
cachedir=/var/cache/dnf
pluginpath=/nonexistent
excludepkgs=demo-held
CONF
mkdir -p "$root/etc/dnf"
printf 'ID=demo\nVERSION_ID=1\n' >"$root/etc/os-release"
mkdir -p "$root/etc/vars"
printf '1\n' >"$root/etc/vars/releasever"
cp -a "$root" "$top/root.fresh"
environment="UPDATE_ALL_DNF_CONFIG=$top/system/dnf.conf UPDATE_ALL_DNF_INSTALLROOT=$root"
fresh_system() {
    rm -rf "$root"
    cp -a "$top/root.fresh" "$root"
}
installed() { rpm --root "$root" -q "$1"; }

claim_common_answers

ask estimate-update
claim 'estimate-update succeeds' is "$status" 0
claim 'an estimate names old and new version and the bytes to fetch' \
    json '[p for p in answer["packages_to_update"] if p["name"] == "demo-data" and p["current_version"] == "1.0-1"
        and p["new_version"] == "2.0-1" and p["download_size_bytes"] > 2e7]'
claim 'an excluded package is not in it' json '"demo-held" not in {p["name"] for p in answer["packages_to_update"]}'
claim 'an update of an advisory about security is marked' json 'answer["security_updates"] is True'
settings=UPDATE_ALL_DNF_SECURITY_ONLY=true
ask estimate-update
claim 'with security_only it is the only one' json '[p["name"] for p in answer["packages_to_update"]] == ["demo-library"]'
settings=
ask update --dry-run
claim 'a dry run lists the upgrade' grep -qx 'demo-data 1.0-1 -> 2.0-1' "$top/out"
claim 'and changes nothing' is "$(installed demo-data)" demo-data-1.0-1.noarch

ask download
claim 'download succeeds' is "$status" 0
claim 'download reports its packages, and never falls' \
    json '(lambda p: p == sorted(p) and p[-1] == 100 and len(p) == 6)([e["percent"] for e in events if "percent" in e])'
claim 'download installs nothing' is "$(installed demo-data)" demo-data-1.0-1.noarch
mv "$top/system/repository" "$top/away"
ask update
mv "$top/away" "$top/system/repository"
claim 'update succeeds without the mirror, since the download was done' is "$status" 0
claim 'update reports its steps, and never falls' \
    json '(lambda p: p == sorted(p) and len(p) > 9)([e["percent"] for e in events if "percent" in e])'
claim 'a step names its package' json '[e for e in events if e.get("package") == "demo-suite-2.0-1.noarch" and e["items_total"] > 4]'
claim 'the result comes last, with old and new versions' \
    json 'events[-1] is result and packages == {"demo-addon": (None, "2.0-1"), "demo-data": ("1.0-1", "2.0-1"),
        "demo-library": ("1.0-1", "2.0-1"), "demo-service": ("1.0-1", "2.0-1"), "demo-suite": ("1.0-1", "2.0-1")}'
claim 'the result names what is held' json 'result["held"] == ["demo-held"]'
claim 'the packages are installed' is "$(installed demo-suite)" demo-suite-2.0-1.noarch
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do has an empty result' json "$status == 0 and packages == {}"

rpm --root "$root" --force-debian --erase --nodeps demo-addon 2>/dev/null
ask validate
claim 'a package that lacks what it requires is found, and the mend named' \
    [ "$status $(grep -c 'dnf distro-sync' "$top/err")" = '1 1' ]

fresh_system
settings=UPDATE_ALL_DNF_SECURITY_ONLY=true
ask update
claim 'with security_only nothing else is installed' json "$status == 0 and list(packages) == ['demo-library']"

fresh_system
settings=UPDATE_ALL_DOWNLOAD_RATE_BYTES=4000000
started=$(date +%s%N)
ask download
took=$((($(date +%s%N) - started) / 1000000))
claim "20 MB at 4 MB/s take seconds, although libcurl lets through what a socket holds ($took ms)" [ "$took" -ge 2000 ]
settings=

fresh_system
mv "$top/system/repository" "$top/away"
ask estimate-update
claim 'a mirror that does not answer is a fault that passes' json "$status == 3 and answer is None"
ask download
claim 'and a failure of the download' [ "$status" -ne 0 ]
ask update
claim 'a failure of dnf is one of the plugin, with a result' json "$status == 1 and packages == {}"
mv "$top/away" "$top/system/repository"
finish
