"""One scenario in a kernel lab of its own, and what else this machine did meanwhile."""
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from precedence import bring_machine_first, come_first, wait_for_file
from scenarios import DISK_SIZE, MEMORY
from statistic import read_samples

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../../.."))


class LaboratoryError(Exception):
    """A scenario could not be measured; the text says which, and what was said."""


def _words(size):
    """Text that packs about as well as prose; the same each time."""
    source = random.Random(1)
    words = ["".join(source.choices("etaoinshrdlucmfw", k=source.randint(2, 9))) for _ in range(4000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    text = " ".join(source.choices(words, weights, k=size // 4))
    return text[:size]


@dataclass(frozen=True)
class Lab:
    """A script of contrib/lab."""
    script: str
    title: str
    # KiB of text to compress: some four seconds of CPU time.
    text: int
    # How much longer than in the kernel lab waits may take.
    patience: int
    # How often the memory is written to: some four seconds of CPU time, with what it costs to take it. Less, and it would
    # be given back before the files are read.
    passes: int
    # How much more of both there is beside the updates that read files, where those take longer than compressing does.
    beside_files: int


LABS = {
    "kernel": Lab("kernel-lab", "User Mode Linux", 6144, 1, 10, 1),
    # An emulated CPU.
    "qemu": Lab("qemu-lab", "QEMU", 3072, 4, 160, 3),
}


class Laboratory:
    """A directory with all that guests need, and the CPU that they run on."""

    def __init__(self, directory, program, cpu, lab, iterations=None):
        self.directory, self.cpu, self.lab = directory, cpu, lab
        # The work of a request: `None` until a guest has found out how much of it takes how long.
        self.iterations = iterations
        os.sched_setaffinity(0, {cpu})
        come_first()
        for name in "service", "eater":
            subprocess.run(
                ["cc", "-O2", "-pthread", "-o", self.path(name), os.path.join(HERE, name + ".c")], check=True)
        self.policies = os.path.join(ROOT, "policies")
        self.program = self._install(program)
        with open(self.path("text"), "w") as file:
            file.write(_words(lab.text << 10))

    def path(self, name):
        return os.path.join(self.directory, name)

    def _install(self, program):
        """The program as `make install` would have it, with the policies of this checkout."""
        for source, target in (
                (program, "bin/update-all"),
                (f"{program}-guardian", "libexec/update-all/update-all-guardian")):
            os.makedirs(os.path.dirname(self.path(target)), exist_ok=True)
            shutil.copy(source, self.path(target))
        shutil.copytree(self.policies, self.path("share/update-all/policies"))
        return self.path("bin/update-all")

    def run(self, script, task, seconds=180):
        """`script TASK` in a new guest. Returns its answer, with the share of the guest's CPU that went to others."""
        samples, up = self.path("samples"), self.path("up")
        if os.path.exists(up):
            os.remove(up)
        task = {
            **task, "directory": self.directory, "policies": self.policies, "update_all": self.program,
            "programs": [self.program, self.path("libexec/update-all/update-all-guardian")],
            "iterations": self.iterations, "samples": samples, "up": up, "patience": self.lab.patience,
            "passes": self.lab.passes, "beside_files": self.lab.beside_files,
        }
        with open(self.path("task"), "w") as file:
            json.dump(task, file)
        binds = []
        for path in self.directory, ROOT:
            binds += ["--bind", path]
        before = self._looks()
        with subprocess.Popen(
            [
                os.path.join(ROOT, "contrib/lab", self.lab.script), "--mem", MEMORY, "--disk", DISK_SIZE, "--timeout",
                str(seconds * self.lab.patience), *binds, "--", sys.executable, os.path.join(HERE, script),
                self.path("task")
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as guest:
            try:
                if wait_for_file(up, guest, seconds * self.lab.patience):
                    bring_machine_first(guest.pid)
                output, errors = guest.communicate()
            except BaseException:
                # Ended ourselves, by Ctrl-C say: so is the guest.
                guest.terminate()
                raise
        if guest.returncode != 0:
            raise LaboratoryError(f"{script} {task['scenario']}: {errors.strip()[-4000:]}")
        result = json.loads(output)
        self.iterations = result["iterations"]
        result["foreign_percent"] = self._foreign(before, self._looks())
        result["samples"] = read_samples(samples)
        return result

    def _looks(self):
        """Seconds: of time, that the CPU was busy, and of them for us. What the hypervisor took counts as busy."""
        with open("/proc/stat") as file:
            fields, = (line.split()[1:] for line in file if line.startswith(f"cpu{self.cpu} "))
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        return time.monotonic(), busy, own

    @staticmethod
    def _foreign(before, after):
        wall, busy, own = (late - early for early, late in zip(before, after))
        return max(0, round(100 * (busy - own) / wall, 1))
