#!/bin/sh
# Runs contrib/plugins/docker against what the real docker once answered, since a daemon of one's own is not to be had on
# every machine; recorded/docker-*.txt say how it was recorded. Needs python3.
plugin_name=docker
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
replay docker docker-used.txt
claim_common_answers
web=$(sed -n 's/^> \(.*\/web:1\)$/\1/p' "$top/docker.txt" | head -n 1)
base=${web%/web:1}/base:1

ask estimate-update
claim 'what is new cannot be told without pulling' is "$status" 2
ask update --dry-run
claim 'only tags in use are pulled, neither what was built here nor what was tagged here' \
    is "$(tr '\n' ' ' <"$top/out")" "$base would be pulled $web would be pulled "
rm "$top/docker.txt.calls"
# The questions that came before the update are not asked again.
python3 - "$top/docker.txt" "$base" <<'PYTHON'
import sys
text = open(sys.argv[1]).read()
calls = text.split("\n$ ")
first = next(i for i, call in enumerate(calls) if call.startswith("pull "))
start = max(i for i, call in enumerate(calls[:first]) if call.startswith("container ls"))
open(sys.argv[1], "w").write("\n$ ".join([""] + calls[start:]))
PYTHON
ask update
claim 'a tag that cannot be pulled is a failure' is "$status" 1
claim 'and is named' grep -q "'$base' could not be pulled" "$top/err"
claim 'and keeps back no other: the result has the old and the new image' \
    json "events[-1] is result and packages == {'$web': ('fd9a1dd778d1', '6b5d11dc7f6d')}"
claim 'layers are reported' json "[e for e in events if e.get('package') == '$web' and 'Pull complete' in e['message']]"
claim 'nothing is pruned' [ "$(was_asked docker 'image prune --force' && echo pruned)" = '' ]

replay docker docker-all.txt
settings='UPDATE_ALL_DOCKER_IMAGES=all UPDATE_ALL_DOCKER_PRUNE=true'
ask update
claim 'with images = "all" tags without a container are pulled too' json "$status == 0 and list(packages) == ['$base']"
claim 'with prune what has neither tag nor container is removed' was_asked docker 'image prune --force'
finish
