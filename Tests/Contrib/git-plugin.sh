#!/bin/sh
# Runs contrib/plugins/git against the real git, on clones of a repository in a directory. As root, all is run once more
# as an unprivileged user. Needs git and python3.
plugin_name=git
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v git >/dev/null || skip 'git is missing: apt-get install git'

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME="$top/home"
export GIT_AUTHOR_NAME=Test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=Test GIT_COMMITTER_EMAIL=test@localhost
commit() {
    printf '%s\n' "$2" >>"$1/notes"
    git -C "$1" add notes
    git -C "$1" commit --quiet --message "$2"
}
tip() { git -C "$1" rev-parse --short=10 "${2:-HEAD}"; }

# Seven clones of an upstream that is two commits ahead of each, and what is no such clone.
git init --quiet --bare --initial-branch=main "$top/upstream"
git clone --quiet "$top/upstream" "$top/author" 2>/dev/null
commit "$top/author" first
git -C "$top/author" push --quiet origin HEAD:main
cd "$top/home" || exit 1
mkdir -p src src/plain
for clone in ahead behind detached dirty diverged gone rebasing untracked; do
    git clone --quiet "$top/upstream" "src/$clone"
done
git init --quiet --initial-branch=main src/alone
commit src/alone own
git init --quiet --bare "src/bare"
# As many files as make git count what it receives.
number=0
while [ $((number += 1)) -le 120 ]; do printf '%s\n' "$number" >"$top/author/file-$number"; done
printf 'new\n' >"$top/author/added"
git -C "$top/author" add .
commit "$top/author" second
commit "$top/author" third
git -C "$top/author" push --quiet origin HEAD:main
first=$(tip "$top/author" HEAD~2) third=$(tip "$top/author")

printf 'mine\n' >>src/dirty/notes
commit src/diverged mine
git -C src/ahead pull --quiet --ff-only
commit src/ahead mine
git -C src/detached checkout --quiet --detach
git -C src/gone remote set-url origin "$top/nowhere"
mkdir src/rebasing/.git/rebase-merge
printf 'mine\n' >src/untracked/added
cp -a "$top/home/src" "$top/src.fresh"
fresh_clones() {
    rm -rf "$top/home/src"
    cp -a "$top/src.fresh" "$top/home/src"
}

environment='GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1'
settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/*'

# ---- questions ---------------------------------------------------------------------------------------------------
claim_common_answers
ask can-separate-download
claim 'fetching is a download of its own' is "$status" 0
: >src/behind/.git/index.lock
ask validate
claim 'the lock of a git that was killed is found, and named' grep -q 'remove .*/src/behind/.git/index.lock' "$top/err"
rm src/behind/.git/index.lock

git -C src/behind for-each-ref >"$top/refs"
ask estimate-update
claim 'estimate-update succeeds' is "$status" 0
# Whether the branches have diverged is not known before the commits are here.
claim 'an estimate has the commits before and after' json 'len(answer["packages_to_update"]) == 4 and
    {"name": "~/src/behind", "current_version": "'"$first"'", "new_version": "'"$third"'"} in answer["packages_to_update"]'
claim 'a remote that does not answer is told, and its update not denied' \
    json '{"name": "~/src/gone", "current_version": "'"$first"'"} in answer["packages_to_update"]'
claim 'and so are a dirty work tree' grep -q 'src/dirty: it has changes that are not committed' "$top/err"
claim 'a detached head' grep -q 'src/detached: no branch is checked out' "$top/err"
claim 'and a rebase in progress' grep -q 'src/rebasing: a merge, rebase .* (rebase-merge)' "$top/err"
git -C src/behind for-each-ref >"$top/refs.after"
claim 'an estimate writes nothing' cmp "$top/refs" "$top/refs.after"
ask update --dry-run
claim 'a dry run lists the updates' grep -q "src/behind $first -> $third" "$top/out"

# ---- download and update -----------------------------------------------------------------------------------------
ask download
claim 'one remote that is gone does not fail the download' is "$status" 0
claim 'but is told' grep -q 'src/gone: origin cannot be fetched' "$top/err"
claim 'what git prints is progress' json '[e for e in events if "Unpacking objects" in e["message"] or
    "Receiving objects" in e["message"]] and all(e["phase"] == "download" for e in events)'
claim 'percent never falls, nor exceeds 100' \
    json '(lambda p: p == sorted(p) and p[-1] <= 100)([e["percent"] for e in events])'
claim 'the download leaves branch and work tree as they are' is "$(tip src/behind) $(cat src/behind/notes)" "$first first"

mv "$top/upstream" "$top/elsewhere"
ask update
mv "$top/elsewhere" "$top/upstream"
claim 'update succeeds without the network' is "$status" 0
claim 'the result comes last, with both commits' \
    json 'events[-1] is result and packages == {"~/src/behind": ("'"$first"'", "'"$third"'")}'
claim 'the clone is at its upstream' is "$(tip src/behind)" "$third"
claim 'what cannot be forwarded is held: dirty, diverged, in progress, not fetched, in the way of an untracked file' \
    json 'sorted(result["held"]) == ["~/src/" + n for n in ("dirty", "diverged", "gone", "rebasing", "untracked")]'
for clone in ahead alone detached dirty diverged gone rebasing untracked; do
    if ! diff -r "src/$clone" "$top/src.fresh/$clone" -x .git >"$top/diff" ||
        ! is "$(tip "src/$clone")" "$(tip "$top/src.fresh/$clone")" >>"$top/diff"; then
        echo "# $clone: $(cat "$top/diff")"
        break
    fi
    clone=
done
claim 'and none of them was touched' is "$clone" ''
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''

settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/behind:~/src/a*'
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' \
    json "$status == 0 and packages == {} and result['held'] == []"

# ---- limits of what it does --------------------------------------------------------------------------------------
settings='UPDATE_ALL_GIT_REPOSITORIES=~/nothing/*'
ask estimate-update
claim 'without a clone it does not apply' is "$status" 1
settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/gone'
ask estimate-update
claim 'where no remote answers, it is the network' grep -q '"code":"NETWORK_ERROR"' "$top/out"
ask download
claim 'and the download fails' is "$status" 1

# A server that asks for a password.
cat >"$top/server" <<'PYTHON'
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo "$top/port"
python3 "$top/server" >"$top/port" &
server=$!
read -r port <"$top/port"
git -C src/gone remote set-url origin "http://127.0.0.1:$port/private"
ask download
claim 'a password is never asked for' grep -q 'ASKPASS\|askpass\|terminal prompts disabled' "$top/out"

fresh_clones
git -C src/behind config core.sshCommand "$top/ssh -i key"
git -C src/behind remote set-url origin ssh://localhost/nothing
printf '#!/bin/sh\necho "$@" >&2\nexit 1\n' >"$top/ssh"
chmod +x "$top/ssh"
settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/behind'
ask download
claim 'ssh runs as the repository says, and without questions' grep -q -e '-i key -o BatchMode=yes' "$top/out"

fresh_clones
settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/behind UPDATE_ALL_CPUS=1 UPDATE_ALL_MEMORY_BYTES=100000000'
git -C src/behind fetch --quiet
printf '#!/bin/sh\ngit config pack.threads\ngit config pack.windowMemory\n' >src/behind/.git/hooks/post-merge
chmod +x src/behind/.git/hooks/post-merge
ask update
claim 'threads and memory are those of the hints' grep -qx 25000000 "$top/out" "$top/err"

# ---- SIGINT ------------------------------------------------------------------------------------------------------
fresh_clones
git clone --quiet --branch main "$top/upstream" src/later
git -C src/later reset --quiet --hard HEAD~2
git -C src/behind fetch --quiet
settings='UPDATE_ALL_GIT_REPOSITORIES=~/src/behind:~/src/later'
# Its hook gives the signal time to come.
printf '#!/bin/sh\nsleep 1\n' >src/behind/.git/hooks/post-merge
chmod +x src/behind/.git/hooks/post-merge
ask_and_interrupt 'Updating ~/src/behind' update
claim 'SIGINT lets the repository be finished, and stops before the next' \
    is "$(tip src/behind) $(tip src/later)" "$third $first"
claim 'a stopped update exits 130 and reports what was done' json "$status == 130 and list(packages) == ['~/src/behind']"

claim_unprivileged
finish
