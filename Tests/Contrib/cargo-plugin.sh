#!/bin/sh
# Runs contrib/plugins/cargo against the real cargo, with a home of its own and a registry on the loopback, and against
# what cargo-update prints, which is recorded. As root, all is run once more as an unprivileged user, where that one may use
# the compiler. Needs python3, and cargo 1.82 or newer, which no target installs for it: a compiler is some hundred MB.
plugin_name=cargo
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
command -v cargo >/dev/null || skip 'cargo is missing'
cargo info --help >/dev/null 2>&1 || skip "this cargo does not start here, or has no 'info' (it is older than 1.82)"
# rustup's proxy looks for its compilers in the home directory, which is another one here.
PATH=$(dirname "$(rustup which cargo 2>/dev/null || command -v cargo)"):$PATH

export CARGO_HOME="$top/home/cargo" HOME="$top/home"
mkdir -p "$CARGO_HOME" "$top/registry/de/mo"
mkfifo "$top/port"
python3 -u -m http.server --bind 127.0.0.1 --directory "$top/registry" 0 >"$top/port" 2>/dev/null &
server=$!
read -r _ _ _ _ _ port _ <"$top/port"
printf '{"dl":"http://127.0.0.1:%s/{crate}-{version}.crate"}\n' "$port" >"$top/registry/config.json"
cat >"$CARGO_HOME/config.toml" <<CONFIGURATION
[source.crates-io]
replace-with = "local"
[source.local]
registry = "sparse+http://127.0.0.1:$port/"
[registries.direct]
index = "sparse+http://127.0.0.1:$port/"
CONFIGURATION
# make_crate NAME VERSION [MAIN]: with a feature `loud`.
make_crate() {
    directory=$top/$1-$2
    mkdir -p "$directory/src"
    printf '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\n[features]\nloud = []\n' "$1" "$2" \
        >"$directory/Cargo.toml"
    printf 'fn main() { println!("%s{}", if cfg!(feature = "loud") { "!" } else { "" }) }\n%s\n' "$2" "${3:-}" \
        >"$directory/src/main.rs"
    tar -C "$top" -czf "$top/registry/$1-$2.crate" "$1-$2"
    printf '{"name":"%s","vers":"%s","deps":[],"cksum":"%s","features":{"loud":[]},"yanked":false}\n' "$1" "$2" \
        "$(sha256sum "$top/registry/$1-$2.crate" | cut -d ' ' -f 1)" >>"$top/registry/de/mo/$1"
}
says() { "$CARGO_HOME/bin/$1"; }
settings="UPDATE_ALL_CARGO_HOME=$CARGO_HOME"

make_crate demo-app 1.0.0
make_crate demo-other 1.0.0
cargo install --quiet --features loud demo-app 2>"$top/err" || skip "cargo cannot compile here: $(tail -n 1 "$top/err")"
cargo install --quiet demo-other 2>"$top/err"
make_crate demo-app 1.10.0-rc.1
make_crate demo-app 1.10.0

# `cargo info` takes no replacement of crates.io: it is told of the same registry in another way.
real_cargo=$(command -v cargo)
mkdir -p "$top/bin"
cat >"$top/bin/cargo" <<WRAPPER
#!/bin/sh
[ "\$1" != info ] || [ -e "$top/mirror" ] || set -- "\$@" --registry direct
exec "$real_cargo" "\$@"
WRAPPER
chmod +x "$top/bin/cargo"
PATH=$top/bin:$PATH

# ---- questions ---------------------------------------------------------------------------------------------------
claim_common_answers
ask estimate-update
claim 'an estimate names the crates that have a new version' json '[(p["name"], p["current_version"], p["new_version"])
    for p in answer["packages_to_update"]] == [("demo-app", "1.0.0", "1.10.0")]'
ask update --dry-run
claim 'a dry run lists them' grep -qx 'demo-app 1.0.0 -> 1.10.0' "$top/out"
claim 'and installs nothing' is "$(says demo-app)" '1.0.0!'

: >"$top/mirror"
ask estimate-update
claim 'where crates.io is replaced by a mirror, nothing can be told, and nothing is denied' is "$status" 2
rm "$top/mirror"

# ---- update ------------------------------------------------------------------------------------------------------
ask update
claim 'update succeeds' is "$status" 0
claim 'the result comes last, with old and new version' \
    json 'events[-1] is result and packages == {"demo-app": ("1.0.0", "1.10.0")} and result["packages_updated"] == 1'
claim "what cargo compiles is progress" json '[e for e in events if "demo-app: compiling" in e.get("message", "")]'
claim 'the program is the new one, with the features that it had' is "$(says demo-app)" '1.10.0!'
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' json "$status == 0 and packages == {}"

make_crate demo-app 2.0.0 'does not compile'
make_crate demo-other 2.0.0 'const _: &str = env!("CARGO_BUILD_JOBS");'
settings="$settings UPDATE_ALL_MEMORY_BYTES=1500000000"
ask update
claim 'a failure of one does not keep the others from being updated' \
    json "$status == 1 and packages == {'demo-other': ('1.0.0', '2.0.0')}"
claim 'memory for one compiler allows one job' json "$status == 1 and 'demo-other' in packages"
claim 'and what was there still works' is "$(says demo-app)" '1.10.0!'
kill "$server"
wait "$server" 2>/dev/null
server=
ask estimate-update
claim 'a registry that does not answer is the network' grep -q '"code":"NETWORK_ERROR"' "$top/out"

# ---- cargo-update, recorded ----------------------------------------------------------------------------------------
printf '#!/bin/sh\ncat "%s/Tests/Contrib/recorded/cargo/install-update-list"\n' "$project" >"$top/bin/cargo-install-update"
chmod +x "$top/bin/cargo-install-update"
ask estimate-update
claim 'recorded: of the table of cargo-update, what needs an update is one' json '[(p["name"], p["current_version"],
    p["new_version"]) for p in answer["packages_to_update"]] ==
    [("cargo-deb", "1.27.0", "1.29.2"), ("checksums", "0.6.0", "0.7.1"), ("xargo", "0.3.22", "0.3.23")]'

claim_unprivileged
finish
