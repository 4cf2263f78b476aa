"""Commands measured in turn, and what came of it as rows of a table."""
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))


class BenchmarkError(Exception):
    """A benchmark could not be run; the text says which command, and what it said."""


class Workshop:
    """A temporary directory with the helpers in C, and the program that is measured."""

    def __init__(self, directory, program, rounds):
        self.directory, self.program, self.rounds = directory, program, rounds
        self.aside = 0

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def build(self, name):
        """Compiles NAME.c, unless that is done. Returns the executable's path."""
        executable = self.path(name)
        if not os.path.exists(executable):
            subprocess.run(["cc", "-O2", "-o", executable, os.path.join(HERE, name + ".c")], check=True)
        return executable

    def put_aside(self, name):
        """Makes room for a new directory of that name, and keeps the former one.

        ext4 looks at every inode that was removed in the last seconds before it gives one out, which would make
        whoever comes next several times slower.
        """
        directory = self.path(name)
        if os.path.exists(directory):
            self.aside += 1
            os.rename(directory, f"{directory}.{self.aside}")

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path


@dataclass
class Command:
    arguments: list
    directory: str = "/"
    # `None`: this program's.
    environment: dict = None
    # Called before each measurement, outside it.
    prepare: callable = lambda: None
    # Its stdout goes through a pipe that is read, as a terminal's or ssh's would be; otherwise to /dev/null.
    into_pipe: bool = False


@dataclass
class Figures:
    """Seconds, and bytes of the largest process."""
    wall: float
    cpu: float
    peak: float


@dataclass
class Row:
    what: str
    ours: float
    goal: float
    # "s", "B" (bytes), or "" for a plain number.
    unit: str
    peer: str
    peers: float
    # Whether the goal is about ours / peers, and not about ours alone.
    is_relative: bool = False
    note: str = ""

    @property
    def ratio(self):
        return self.ours / self.peers

    @property
    def met(self):
        return (self.ratio if self.is_relative else self.ours) <= self.goal


def _measure_once(workshop, command):
    command.prepare()
    report = workshop.path("report")
    measured = [workshop.build("measure"), report, *command.arguments]
    with tempfile.TemporaryFile() as errors:
        reader = None
        if command.into_pipe:
            reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        ended = subprocess.run(
            measured, cwd=command.directory, env=command.environment, stdin=subprocess.DEVNULL,
            stdout=reader.stdin if reader else subprocess.DEVNULL, stderr=errors)
        if reader:
            reader.communicate()
        errors.seek(0)
        said = errors.read()[-2000:].decode(errors="replace")
    if ended.returncode != 0:
        raise BenchmarkError(f"measure ended with {ended.returncode}: {said}")
    with open(report) as file:
        wall, user, system, peak, status = file.read().split()
    if int(status) != 0:
        raise BenchmarkError(f"{' '.join(command.arguments)} ended with {status}: {said or 'it said nothing'}")
    return Figures(float(wall), float(user) + float(system), int(peak) * 1024)


def measure_in_turn(workshop, commands, warm_up=True):
    """Medians by name. In each round every command runs once, so that a change of the machine's load meets them all."""
    samples = {name: [] for name in commands}
    for number in range(workshop.rounds + warm_up):
        for name, command in commands.items():
            figures = _measure_once(workshop, command)
            if number >= warm_up:
                samples[name].append(figures)
    return {
        name: Figures(*(statistics.median(getattr(one, key) for one in all) for key in ("wall", "cpu", "peak")))
        for name, all in samples.items()
    }


def _text(value, unit):
    if unit == "s":
        return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"
    if unit == "B":
        return f"{value / (1 << 20):,.1f} MiB"
    return f"{value:,.2f}"


def print_row(row):
    goal = f"{row.goal:g} x" if row.is_relative else _text(row.goal, row.unit)
    peer = f"{row.peer} {_text(row.peers, row.unit)}"
    verdict = "pass" if row.met else "MISS"
    note = f"  ({row.note})" if row.note else ""
    print(
        f"{row.what:28} {_text(row.ours, row.unit):>10}  {peer:22} {row.ratio:6.2f} x  <= {goal:10} {verdict}{note}",
        flush=True)


def print_header():
    print(f"{'':28} {'ours':>10}  {'peer':22} {'ratio':>8}  goal", flush=True)
