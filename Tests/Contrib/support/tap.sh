# tap.sh - what the tests of the bundled plugins have in common. A test says `plugin_name` and sources this file by
# `. "${0%/*}/support/tap.sh"`; it ends with `finish`. The plugin is $plugin, a directory of the test's own $top.
# Prints TAP (the Test Anything Protocol).
# shellcheck shell=sh
set -u
export LC_ALL=C.UTF-8
project=$(cd "$(dirname "$0")/../.." && pwd -P)
plugin=$project/contrib/plugins/${plugin_name:?}
top=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; chmod -R u+w "$top"; rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$top/home" "$top/tmp"
count=0 failures=0 status=0

# skip REASON: ends the test before its first claim.
skip() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

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

is() { [ "$1" = "$2" ] || { printf "'%s' is not '%s'\n" "$1" "$2" && false; }; }

# plugin_command COMMAND...: the plugin as update-all would run it, with the words of $environment and of $settings in
# its environment.
environment='' settings=''
plugin_command() {
    # A shell's background job would ignore SIGINT.
    # shellcheck disable=SC2086
    exec env -i --default-signal=INT PATH="$PATH" HOME="$top/home" LC_ALL=C.UTF-8 TMPDIR="$top/tmp" $environment $settings \
        "$plugin" "$@" </dev/null
}

# ask COMMAND...: its streams are in $top/out and $top/err, its exit status in $status.
ask() {
    status=0
    (plugin_command "$@") >"$top/out" 2>"$top/err" || status=$?
}

# ask_and_interrupt TEXT COMMAND...: the same, and SIGINT to the plugin's main process alone once TEXT is in an event.
ask_and_interrupt() {
    text=$1 status=0
    shift
    rm -f "$top/events"
    mkfifo "$top/events"
    plugin_command "$@" >"$top/out" 2>"$top/events" &
    child=$!
    printf '%s\n' "$child" >"$top/child"
    : >"$top/err"
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$top/err"
        case $line in *"$text"*) kill -INT "$child" ;; esac
    done <"$top/events"
    wait "$child" || status=$?
}

# json EXPRESSION: of Python. `answer` is the JSON document of stdout, `events` those of stderr, `result` the last
# result line, `packages` its packages as name: (from, to).
json() {
    python3 - "$top/out" "$top/err" "$1" <<'PYTHON'
import json, sys
out = open(sys.argv[1], errors="replace").read()
prefix = "PROGRESS:"
lines = open(sys.argv[2], errors="replace")
events = [json.loads(line[len(prefix):]) for line in lines if line.startswith(prefix)]
answer = json.loads(out)["data"] if out.startswith("{") else None
result = next((e for e in reversed(events) if e["type"] == "result"), None)
packages = {p["name"]: (p.get("from"), p.get("to")) for p in result["packages"]} if result else {}
value = eval("(" + sys.argv[3] + ")")
print(sys.argv[3], "is", value, "in", answer or events)
sys.exit(not value)
PYTHON
}

# serve DIRECTORY: over HTTP on the loopback interface until the test ends; sets $port.
serve() {
    mkfifo "$top/port"
    python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >"$top/port" 2>/dev/null &
    server=$!
    # shellcheck disable=SC2034
    read -r _ _ _ _ _ port _ <"$top/port"
}

# replay TOOL RECORDING: TOOL answers from now on as in that recording; what it is asked is in $top/TOOL.txt.calls.
replay() {
    mkdir -p "$top/bin"
    cp "$project/Tests/Contrib/recorded/$2" "$top/$1.txt"
    rm -f "$top/$1.txt.calls"
    printf '#!/bin/sh\nexec python3 "%s" "%s" "$@"\n' "$project/Tests/Contrib/support/replay.py" "$top/$1.txt" >"$top/bin/$1"
    chmod +x "$top/bin/$1"
    PATH=$top/bin:${PATH#"$top/bin:"}
}
was_asked() { grep -qxF -e "$2" "$top/$1.txt.calls"; }

# What holds for every plugin, on a system where it applies and nothing is wrong.
claim_common_answers() {
    ask is-applicable
    claim 'it applies where its tool is' is "$status" 0
    ask version
    claim 'its version is that of the manifest' grep -qx "version = \"$(cat "$top/out")\"" "$plugin.toml"
    ask no-such-command
    claim 'an unknown command exits 2' is "$status" 2
    ask validate
    claim 'a whole system is valid' is "$status" 0
}

# recorded_tool NAME: puts a NAME on PATH that prints what the real one did. Its answer to `NAME A B` is the file A_B of
# Tests/Contrib/recorded/NAME/$recording, or of .../always; A_B.exit is its exit status, A_B.error what it wrote to stderr,
# and A_B.then the recording that it answers from afterwards. What it is called with is in $top/calls, its last environment
# in $top/environment. TOP in a name or an answer stands for $top.
recorded_tool() {
    mkdir -p "$top/bin"
    cat >"$top/bin/$1" <<TOOL
#!/bin/sh
printf '%s\\n' "\$*" >>'$top/calls'
env >'$top/environment'
recordings='$project/Tests/Contrib/recorded/$1'
key=\$(printf '%s' "\$*" | sed 's,$top,TOP,g' | tr ' /' '_%')
answer=\$recordings/\$(cat '$top/recording')/\$key
[ -e "\$answer" ] || answer=\$recordings/always/\$key
[ -e "\$answer" ] || { echo "not recorded: \$answer" >&2; exit 99; }
sed 's,TOP/,$top/,g' "\$answer"
[ ! -e "\$answer.error" ] || cat "\$answer.error" >&2
[ ! -e "\$answer.then" ] || cat "\$answer.then" >'$top/recording'
[ ! -e "\$answer.exit" ] || exit "\$(cat "\$answer.exit")"
TOOL
    chmod +x "$top/bin/$1"
    PATH=$top/bin:$PATH
}

recording() {
    printf '%s\n' "$1" >"$top/recording"
    : >"$top/calls"
}

# use_python: makes python3 that of the system, if it has venv: another may belong to a person who alone can read it.
use_python() {
    for python in /usr/bin/python3 "$(command -v python3)"; do
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            mkdir -p "$top/bin"
            printf '#!/bin/sh\nexec %s "$@"\n' "$python" >"$top/bin/python3"
            chmod +x "$top/bin/python3"
            PATH=$top/bin:$PATH
            return
        fi
    done
    skip 'python3 with venv is missing: apt-get install python3-venv'
}

make_wheel() {
    python3 "$project/contrib/demo/make-wheel" "$top/index" "$@"
}

# claim_unprivileged: as root, that the same test holds for an unprivileged user.
claim_unprivileged() {
    [ "$(id -u)" = 0 ] || return 0
    as_nobody() {
        env -i PATH="$PATH" setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    }
    script=$project/Tests/Contrib/${0##*/}
    if ! as_nobody test -r "$script"; then
        printf '# not run as an unprivileged user, who cannot read %s\n' "$project"
        return 0
    fi
    status=0
    as_nobody sh "$script" >"$top/subtest" || status=$?
    if read -r first <"$top/subtest" && [ "${first#1..0 # SKIP }" != "$first" ]; then
        printf '# not run as an unprivileged user: %s\n' "${first#1..0 # SKIP }"
        return 0
    fi
    sed 's/^/    /' "$top/subtest"
    claim 'all of it holds for an unprivileged user' is "$status" 0
}

finish() {
    printf '1..%d\n' "$count"
    [ "$failures" -eq 0 ]
}
