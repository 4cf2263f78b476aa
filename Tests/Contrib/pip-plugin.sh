#!/bin/sh
# Runs contrib/plugins/pip against the real pip, on virtual environments and an index in a directory. As root, all is run
# once more as an unprivileged user. Needs python3-venv.
plugin_name=pip
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
use_python

export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS="$top/index" PIP_DISABLE_PIP_VERSION_CHECK=1 HOME="$top/home"
environment="PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$top/index"
version_in() { "$1/bin/python" -c "import $2; print($2.version)"; }
cd "$top/home" || exit 1

# one: demo-tool needs demo-base below 3; demo-local was installed from a file. two: demo-base alone.
make_wheel demo-base 1.0
make_wheel demo-local 1.0
make_wheel demo-tool 1.0 'demo-base<3'
mkdir -p env/plain
python3 -m venv env/one
python3 -m venv env/two
env/one/bin/python -m pip install --quiet demo-tool "$top/index/demo_local-1.0-py3-none-any.whl"
env/two/bin/python -m pip install --quiet demo-base
python3 -m venv --without-pip env/unusable
make_wheel demo-base 2.0
make_wheel demo-base 3.0
make_wheel demo-local 2.0
make_wheel demo-new 1.0
make_wheel demo-tool 2.0 'demo-base<3' demo-new

# ---- questions ---------------------------------------------------------------------------------------------------
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/one:~/env/two'
claim_common_answers
ask can-separate-download
claim 'there is no separate download' is "$status" 1

ask estimate-update
claim 'an estimate names package, environment, and both versions' json \
    '{"name": "demo-tool (~/env/one)", "current_version": "1.0", "new_version": "2.0"} in answer["packages_to_update"]
    and {"name": "demo-base (~/env/two)", "current_version": "1.0", "new_version": "3.0"} in answer["packages_to_update"]'
ask update --dry-run
claim 'a dry run lists the upgrade' grep -q 'demo-tool (~/env/one) 1.0 -> 2.0' "$top/out"
claim 'and installs nothing' is "$(version_in env/one demo_tool)" 1.0

# ---- update ------------------------------------------------------------------------------------------------------
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/*'
ask update
claim 'update succeeds' is "$status" 0
claim 'an environment without pip is passed over, and told' grep -q 'env/unusable: .*No module named pip' "$top/err"
claim 'the result comes last, with old and new versions' json 'events[-1] is result and
    packages["demo-tool (~/env/one)"] == ("1.0", "2.0") and packages["demo-base (~/env/two)"] == ("1.0", "3.0")'
claim 'a package is upgraded as far as others allow' json 'packages["demo-base (~/env/one)"] == ("1.0", "2.0")'
claim 'one that is new has no old version' json 'packages["demo-new (~/env/one)"] == (None, "1.0")'
claim 'the result counts its packages' json 'result["packages_updated"] == len(packages) == 4'
claim 'percent never falls, and there is one for each package' \
    json '(lambda p: p == sorted(p) and len(p) > 5 and p[-1] <= 100)([e["percent"] for e in events if "percent" in e])'
claim 'what was installed from a file stays' is "$(version_in env/one demo_local)" 1.0
claim 'the packages are installed' \
    is "$(version_in env/one demo_tool) $(version_in env/one demo_base) $(version_in env/two demo_base)" '2.0 2.0 3.0'
claim 'no temporary file is left' is "$(ls -A "$top/tmp")" ''

settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/two'
ask estimate-update
claim 'afterwards all is up to date' json 'answer["packages_to_update"] == []'
ask update
claim 'an update with nothing to do succeeds with an empty result' \
    json "$status == 0 and packages == {} and result['held'] == []"
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/one'
ask update
claim 'what requirements keep back is held' json "$status == 0 and packages == {} and
    'demo-base (~/env/one)' in result['held']"

# ---- failures ----------------------------------------------------------------------------------------------------
environment='PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=http://127.0.0.1:1/'
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/two'
ask estimate-update
claim 'an index that does not answer is the network, not an empty index' grep -q '"code":"NETWORK_ERROR"' "$top/out"
environment="PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$top/index"

make_wheel demo-base 4.0
printf 'not a wheel\n' >"$top/index/demo_base-4.0-py3-none-any.whl"
ask update
claim 'a failure of pip is one of the plugin, with a result' json "$status == 1 and packages == {}"
claim 'and what was there still works' is "$(version_in env/two demo_base)" 3.0
rm "$top/index/demo_base-4.0-py3-none-any.whl"

env/one/bin/python -m pip uninstall --quiet --yes demo-new
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/one'
ask validate
claim 'a requirement that is missing is found' is "$status" 1
claim 'and named' grep -q 'demo-new' "$top/err"
env/one/bin/python -m pip install --quiet demo-new

# ---- the user site -----------------------------------------------------------------------------------------------
# The system's Python as it would be without its EXTERNALLY-MANAGED, and with one.
standard_library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
library=$top/python/lib/${standard_library##*/}
mkdir -p "$library"
ln -s "$standard_library"/* "$library"
rm -f "$library/EXTERNALLY-MANAGED"
packages=$(env/one/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir "$top/pip-alone"
ln -s "$packages/pip" "$packages"/pip-* "$top/pip-alone"
of_user() { env PYTHONHOME="$top/python" PYTHONPATH="$top/pip-alone" python3 "$@"; }
of_user -m pip install --quiet --user --no-warn-script-location demo-base==2.0 2>/dev/null
environment="$environment PYTHONHOME=$top/python PYTHONPATH=$top/pip-alone"
settings=
ask update
claim 'what a person installed is upgraded' json "$status == 0 and packages == {'demo-base (user)': ('2.0', '3.0')}"
claim 'in the place where it was' is "$(of_user -c 'import demo_base; print(demo_base.version)')" 3.0
settings=UPDATE_ALL_PIP_USER=false
ask estimate-update
claim 'unless the setting says no' is "$status" 1
settings=
: >"$library/EXTERNALLY-MANAGED"
ask estimate-update
claim 'a Python that the system manages is left alone' is "$status" 1
claim 'and that is told' grep -q 'EXTERNALLY-MANAGED' "$top/err"
environment="PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$top/index"

# ---- SIGINT ------------------------------------------------------------------------------------------------------
make_wheel demo-base 5.0
make_wheel demo-tool 5.0 demo-base
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/one:~/env/two UPDATE_ALL_PIP_USER=false'
ask_and_interrupt 'Looking for newer packages in ~/env/one' update
claim 'SIGINT lets the environment be finished, and stops before the next' \
    is "$(version_in env/one demo_base) $(version_in env/two demo_base)" '5.0 3.0'
claim 'a stopped update exits 130 and reports what was done' json "$status == 130 and len(packages) == 2"

make_wheel demo-base 6.0
settings='UPDATE_ALL_PIP_ENVIRONMENTS=~/env/two UPDATE_ALL_PIP_USER=false'
(plugin_command update) 2>&1 | head -n 1 >"$top/out"
claim 'a pip whose words nobody reads any more ends its work' is "$(version_in env/two demo_base)" 6.0

claim_unprivileged
finish
