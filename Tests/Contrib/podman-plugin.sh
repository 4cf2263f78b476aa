#!/bin/sh
# Runs contrib/plugins/podman against the real podman, with a registry on the loopback interface and a storage of its
# own. Needs root, since an unprivileged podman needs more of the machine (subordinate ids, a session), and the Debian
# packages podman and python3.
plugin_name=podman
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v podman >/dev/null || skip 'podman is missing: apt-get install podman'
[ "$(id -u)" = 0 ] || skip 'needs root: an unprivileged podman needs subordinate ids and a session'
mkdir "$top/registry"
mkfifo "$top/port"
python3 "${0%/*}/support/registry.py" "$top/registry" >"$top/port" &
server=$!
read -r port <"$top/port"
registry=127.0.0.1:$port
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/storage"\nrunroot = "%s/run"\n' "$top" "$top" >"$top/storage.conf"
printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$registry" >"$top/registries.conf"
printf '[engine]\nevents_logger = "none"\nstatic_dir = "%s/static"\ntmp_dir = "%s/libpod"\nvolume_path = "%s/volumes"\n' \
    "$top" "$top" "$top" >"$top/containers.conf"
mkdir -p "$top/home/.config/containers"
printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$top/home/.config/containers/policy.json"
environment="CONTAINERS_STORAGE_CONF=$top/storage.conf CONTAINERS_REGISTRIES_CONF=$top/registries.conf
    CONTAINERS_CONF=$top/containers.conf"
# shellcheck disable=SC2086
there() { env -i PATH="$PATH" HOME="$top/home" $environment podman "$@" >"$top/log" 2>&1 || cat "$top/log"; }
# shellcheck disable=SC2086
image() { env -i PATH="$PATH" HOME="$top/home" $environment podman image inspect --format '{{.Id}}' "$registry/$1"; }
publish() { for name in used idle watched; do printf '%s %s\n' "$name" "$1" >"$top/registry/$name@1"; done; }

claim_common_answers
ask estimate-update
claim 'without a container nothing is to be pulled' json "$status == 0 and answer['packages_to_update'] == []"

publish old
for name in used idle watched; do there pull "$registry/$name:1"; done
there create --name one "$registry/used:1"
there create --name two --label io.containers.autoupdate=registry "$registry/watched:1"
there tag "$registry/used:1" localhost/built:1
there create --name three localhost/built:1
before=$(image used:1)

ask estimate-update
claim 'what is new cannot be told without pulling' is "$status" 2
ask update --dry-run
claim 'only the tag in use is pulled, neither what was built here nor what podman auto-update looks after' \
    is "$(cat "$top/out")" "$registry/used:1 would be pulled"
ask update
claim 'an update with nothing new succeeds with an empty result' json "$status == 0 and packages == {}"
publish new
ask update
claim 'update succeeds' is "$status" 0
claim 'it reports the tag' json "[e for e in events if e.get('package') == '$registry/used:1' and e['items_total'] == 1]"
claim 'the result has the old and the new image' \
    json "events[-1] is result and packages == {'$registry/used:1': ('$(printf %.12s "$before")', '$(image used:1 | cut -c 1-12)')}"
claim 'its image is newer' [ "$before" != "$(image used:1)" ]
claim 'the container has its old image' there container inspect --format '{{.Image}}' one
claim 'as it was' grep -q "$before" "$top/log"

settings='UPDATE_ALL_PODMAN_IMAGES=all UPDATE_ALL_PODMAN_PRUNE=true'
rm "$top/registry/used@1"
idle=$(image idle:1)
ask update
claim 'with images = "all" every tag is pulled but that of podman auto-update' \
    json "list(packages) == ['$registry/idle:1']"
claim 'a tag that cannot be pulled is a failure that keeps back no other' is "$status" 1
claim 'and is named' grep -q "'$registry/used:1' could not be pulled" "$top/err"
claim 'with prune an image without tag and container is removed' there image ls --all --no-trunc --quiet
claim 'and only such a one' \
    [ "$(grep -c "$idle" "$top/log") $(grep -c "$before" "$top/log")" = '0 1' ]
finish
