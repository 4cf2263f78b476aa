"""What a process costs in a group of its own with five limits and a pipe, beside a bare clone3, in the kernel lab: as
update-all's modules for groups and launching start it, and as a step of a whole run.

`lab` starts this file in the lab, as a program that prints the medians as JSON.
"""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from measuring import HERE, BenchmarkError, Command, Row, Workshop, measure_in_turn
from steps import ARGUMENTS, ENVIRONMENT, run_command, write_plugins

# Built beside the program.
LAUNCHING = "bench-launching"
# The cost of one is the difference by their number: so starting the program itself does not count.
FEW, MANY, SLOTS = 100, 300, 2
POLICY = f"""\
enforcement = "required"
[run]
parallel = {SLOTS}
[step]
cpu_weight = "idle"
cpu_quota = "50%"
memory_high = "256M"
memory_max = "512M"
tasks_max = 512
"""


def lab(workshop):
    if os.geteuid() != 0:
        raise BenchmarkError("the kernel lab needs root")
    for name in "measure", "spawn-floor":
        workshop.build(name)
    launching = os.path.join(os.path.dirname(workshop.program), LAUNCHING)
    if not os.access(launching, os.X_OK):
        raise BenchmarkError(f"{launching} is no program: build it first (make bench does)")
    # The guest has a /tmp of its own, and any of these can be in ours.
    binds = []
    for path in workshop.directory, HERE, os.path.dirname(workshop.program):
        binds += ["--bind", path]
    answer = subprocess.run(
        [
            os.path.join(HERE, "../lab/kernel-lab"), "--timeout", "1800", *binds, "--", sys.executable,
            os.path.join(HERE, "lab.py"), workshop.directory, workshop.program, str(workshop.rounds)
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        raise BenchmarkError(f"in the kernel lab: {answer.stderr.strip()}")
    costs = json.loads(answer.stdout)
    yield Row(
        "kernel lab: a launch", costs["launch"], 1.15, "s", "bare clone3", costs["bare"], is_relative=True,
        note=f"in C, group, limits and pipe: {costs['full'] / costs['bare']:.2f} x;"
        f" all that a step is promised: {costs['whole'] / costs['bare']:.2f} x")
    yield Row(
        "kernel lab: a whole step", costs["step"], 1.15, "s", "bare clone3", costs["bare step"], is_relative=True,
        note="with plan, private directory, log, events, metrics and display")


def measure_inside(directory, program, rounds):
    """Seconds for one step each, by name."""
    own, name = os.path.split(program)
    workshop = Workshop("/tmp/bench", f"/tmp/bench/{name}", rounds)
    os.makedirs(workshop.directory)
    # To the guest's memory: the host's files are slow to start programs from.
    for source, names in (directory, ("measure", "spawn-floor")), (own, (name, "update-all-guardian", LAUNCHING)):
        for each in names:
            shutil.copy(os.path.join(source, each), workshop.directory)
    policy = workshop.write("limits.toml", POLICY)
    group = "/sys/fs/cgroup/floor"
    os.mkdir(group)
    with open(f"{group}/cgroup.subtree_control", "w") as control:
        control.write("+cpu +memory +pids")

    commands = {}
    floor, launching = workshop.path("spawn-floor"), workshop.path(LAUNCHING)
    for count in FEW, MANY:
        numbers = [str(count), str(SLOTS)]
        plugins = write_plugins(workshop, f"plugins-{count}", count)
        commands["step", count] = run_command(workshop, plugins, policy, SLOTS)
        commands["bare step", count] = Command([floor, "bare", *numbers, *ARGUMENTS], environment=ENVIRONMENT)
        commands["launch", count] = Command([launching, *numbers])
        commands["bare", count] = Command([floor, "bare", *numbers], environment={})
        for mode in "full", "whole":
            commands[mode, count] = Command([floor, mode, *numbers, group], environment={})
    medians = measure_in_turn(workshop, commands, warm_up=False)
    return {
        name: (medians[name, MANY].wall - medians[name, FEW].wall) / (MANY - FEW)
        for name in {name for name, _ in commands}
    }


if __name__ == "__main__":
    print(json.dumps(measure_inside(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
