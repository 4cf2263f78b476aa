"""What finding and asking plugins costs before anything is planned."""
import os

from measuring import Command, Row, measure_in_turn

COUNT = 20
IDLE_GOAL, ASKED_GOAL = 0.03, 0.5  # seconds
QUESTIONS = 3

ABSENT = """\
executable = "program"
applicable_if = ["no-such-program-{number}"]
run_as = "user"
separate_download = true
estimate = true
dry_run = true
[mutexes]
update = ["bench:{number}"]
"""

# is-applicable, estimate-update and can-separate-download are asked: three processes a plugin.
ASKED = """\
executable = "program"
run_as = "user"
"""

PROGRAM = """\
#!/bin/sh
# is-applicable
sleep 0.01
case $1 in
estimate-update) echo '{"status":"success","data":{"package_count":1,"total_bytes":1000}}' ;;
can-separate-download) exit 1 ;;
esac
"""


def _write(workshop, directory, manifest):
    for number in range(COUNT):
        workshop.write(f"{directory}/plugin-{number}.toml", manifest.format(number=number))
    program = workshop.write(f"{directory}/program", PROGRAM)
    os.chmod(program, 0o755)
    return workshop.path(directory)


def _plan(workshop, plugins):
    return Command(
        [workshop.program, "plan", "--plugin-dir", plugins, "--state-dir", workshop.path("probing-state")],
        directory=workshop.directory)


def probe(workshop):
    asked_plugins = _write(workshop, "asked-plugins", ASKED)
    # The same processes, as many at a time as update-all asks, without anybody who reads their answers.
    slots = 4 * os.cpu_count()
    bare = f"seq {COUNT * QUESTIONS} | xargs -P {slots} -I X {asked_plugins}/program is-applicable"
    medians = measure_in_turn(workshop, {
        "idle": _plan(workshop, _write(workshop, "absent-plugins", ABSENT)),
        "asked": _plan(workshop, asked_plugins),
        "start": Command([workshop.program, "--version"]),
        "bare": Command(["sh", "-c", bare]),
    })
    idle, asked, start, bare = (medians[name].wall for name in ("idle", "asked", "start", "bare"))
    yield Row(f"plan, {COUNT} plugins, none applies", idle, IDLE_GOAL, "s", "--version", start)
    yield Row(f"plan, {COUNT} plugins, all asked", asked, ASKED_GOAL, "s", f"xargs -P {slots}", bare)
