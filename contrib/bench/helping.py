"""What a launch through update-all-helper takes, beside one by the process that asks: a group with its limits, and a
start.

On this machine itself: where system calls take twenty times as long, as in the kernel lab, it says little. Root only,
since sudo has to have a rule; that is in a mount namespace of the benchmark's own, and nobody else sees it.
"""
import os
import shutil
import statistics
import subprocess
import tempfile

from lab import LAUNCHING
from measuring import BenchmarkError, Row

HELPER = "update-all-helper"
PERSON = "nobody"
COUNT, SLOTS = 300, 1
# Seconds more than without.
GOAL = 300e-6
# In place of sudo's own rules; then bench-launching as the person.
SCRIPT = """\
mount -t tmpfs -o mode=755 none /etc/sudoers.d
echo "$1 ALL=(root) NOPASSWD: $3 \\"\\"" >/etc/sudoers.d/bench
chmod 440 /etc/sudoers.d/bench
exec setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups "$2" "$4" "$5" "$1" "$3"
"""


def helper(workshop):
    if os.geteuid() != 0 or not shutil.which("sudo"):
        raise BenchmarkError("what the helper costs needs root, and sudo")
    built = os.path.dirname(workshop.program)
    # Whoever is the person has to get there, and only root may change what is there.
    with tempfile.TemporaryDirectory(prefix="update-all-bench-") as place:
        os.chmod(place, 0o755)
        programs = [shutil.copy(os.path.join(built, name), place) for name in (LAUNCHING, HELPER)]
        numbers = [str(COUNT), str(SLOTS)]
        commands = {
            "own": [programs[0], *numbers, PERSON],
            "helped": ["unshare", "--mount", "sh", "-ec", SCRIPT, "sh", PERSON, *programs, *numbers],
        }
        times = {name: [] for name in commands}
        for _ in range(workshop.rounds):
            for name, command in commands.items():
                times[name].append(launch_time(command))
    own, helped = (statistics.median(times[name]) for name in ("own", "helped"))
    yield Row(
        "a launch by the helper: more by", helped - own, GOAL, "s", "by ourselves", own,
        note="a group with its limits, and a start")


def launch_time(command):
    """Seconds that a group and a start take, the median of each."""
    ended = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ended.returncode != 0:
        raise BenchmarkError(f"{' '.join(command[:2])}: {ended.stderr.strip()}")
    return sum(int(number) for number in ended.stdout.split()) / 1e6
