#!/bin/sh
# Runs contrib/plugins/npm against the real npm, with a prefix of its own and a registry on the loopback. As root, all is
# run once more as an unprivileged user. Needs python3, and npm, which no target installs for it: Debian's brings hundreds of packages.
plugin_name=npm
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v npm >/dev/null || skip 'npm is missing: it comes with Node.js'

mkdir "$top/registry" "$top/prefix"
mkfifo "$top/port"
python3 "$project/Tests/Contrib/support/npm-registry.py" "$top/registry" >"$top/port" 2>/dev/null &
server=$!
read -r port <"$top/port"
# make_package NAME VERSION [SCRIPT]: SCRIPT runs when it is installed.
make_package() {
    mkdir -p "$top/package"
    printf '{"name":"%s","version":"%s","bin":"run.js","scripts":{"install":"%s"}}\n' "$1" "$2" "${3:-true}" \
        >"$top/package/package.json"
    printf '#!/usr/bin/env node\nconsole.log("%s")\n' "$2" >"$top/package/run.js"
    chmod +x "$top/package/run.js"
    tar -C "$top" -czf "$top/registry/$1-$2.tgz" package
}
# The cache's answers would be used without asking the registry anew.
common="npm_config_registry=http://127.0.0.1:$port npm_config_cache=$top/cache npm_config_prefer_online=true"
environment="$common"
settings="UPDATE_ALL_NPM_PREFIX=$top/prefix"
there() {
    # shellcheck disable=SC2086
    env $common npm_config_prefix="$top/prefix" npm_config_update_notifier=false HOME="$top/home" npm "$@"
}

for name in demo-app demo-last demo-other; do make_package "$name" 1.0.0; done
there install --global demo-app demo-last demo-other >"$top/out" 2>&1 || cat "$top/out"
make_package demo-app 2.0.0
make_package demo-last 2.0.0 'env >made'

# ---- questions ---------------------------------------------------------------------------------------------------
claim_common_answers
ask estimate-update
claim 'an estimate names the packages that have a new version' json '[(p["name"], p["current_version"],
    p["new_version"]) for p in answer["packages_to_update"]] ==
    [("demo-app", "1.0.0", "2.0.0"), ("demo-last", "1.0.0", "2.0.0")]'
ask update --dry-run
claim 'a dry run lists them' grep -qx 'demo-app 1.0.0 -> 2.0.0' "$top/out"
claim 'and installs nothing' is "$("$top/prefix/bin/demo-app")" 1.0.0

# ---- update ------------------------------------------------------------------------------------------------------
ask_and_interrupt 'Installing demo-app' update
claim 'SIGINT lets the package be finished, and stops before the next' \
    is "$("$top/prefix/bin/demo-app") $("$top/prefix/bin/demo-last")" '2.0.0 1.0.0'
claim 'a stopped update exits 130 and reports what was done' \
    json "$status == 130 and packages == {'demo-app': ('1.0.0', '2.0.0')}"
settings="$settings UPDATE_ALL_MEMORY_BYTES=1073741824"
ask update
claim 'update succeeds' is "$status" 0
claim 'the result comes last, with old and new version' \
    json 'events[-1] is result and packages == {"demo-last": ("1.0.0", "2.0.0")} and result["packages_updated"] == 1'
claim 'what npm fetches is progress' json '[e for e in events if "/demo-last-2.0.0.tgz" in e.get("message", "")]'
claim 'the heap is within the memory of the hint' \
    grep -qx 'NODE_OPTIONS=--max-old-space-size=768' "$top/prefix/lib/node_modules/demo-last/made"
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"

# ---- failures ----------------------------------------------------------------------------------------------------
make_package demo-app 3.0.0 false
make_package demo-other 3.0.0
ask update
claim 'a failure of one does not keep the others from being updated' \
    json "$status == 1 and packages == {'demo-other': ('1.0.0', '3.0.0')}"
claim 'and what was there still works' is "$("$top/prefix/bin/demo-app")" 2.0.0
if [ "$(id -u)" != 0 ]; then
    chmod a-w "$top/prefix/lib/node_modules"
    ask estimate-update
    claim 'what the person cannot write is no update' json 'answer["packages_to_update"] == []'
    claim 'and told' grep -q 'cannot be written' "$top/err"
    chmod u+w "$top/prefix/lib/node_modules"
fi
environment="npm_config_registry=http://127.0.0.1:1 npm_config_cache=$top/cache"
ask estimate-update
claim 'a registry that does not answer is the network' grep -q '"code":"NETWORK_ERROR"' "$top/out"

claim_unprivileged
finish
