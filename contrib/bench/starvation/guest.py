"""What all guests do: prepare the disk, and run the service."""
import os
import shutil
import signal
import subprocess

from runners import CGROUPS, RunnerError
from scenarios import DISK, REQUEST_TIME


def _write_random(path, mib):
    """Bytes that are really on the disk, each piece another."""
    piece = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8, "little") + piece[8:])


def prepare(task, files):
    """Tells the host that this kernel is up, and fills the disk; `files` are MiB by name."""
    with open(task["up"], "w"):
        pass
    for name, mib in files.items():
        _write_random(f"{DISK}/{name}", mib)
    for name in "text", "service", "eater":
        shutil.copy(os.path.join(task["directory"], name), DISK)
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w") as control:
        control.write("3")
    # What is started lies in the page cache, as on a machine that has been up for a while: the host's files are slow.
    programs = [shutil.which(name) for name in ("xz", "dd", "nice", "ionice", "sh")]
    subprocess.run(
        ["cat", f"{DISK}/text", f"{DISK}/eater", *programs, *task["programs"]], stdout=subprocess.DEVNULL, check=True)


def disk_scheduler():
    """That of the disk under test, as `/sys` names it."""
    device = os.stat(DISK).st_dev
    path = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/queue/scheduler"
    with open(path) as file:
        names = file.read()
    return names.split("[")[1].split("]")[0] if "[" in names else names.strip()


def calibrate(task):
    """The iterations of a request: found out once, in the first guest."""
    if task["iterations"]:
        return task["iterations"]
    answer = subprocess.run(
        [f"{DISK}/service", "calibrate", str(REQUEST_TIME)], stdout=subprocess.PIPE, check=True)
    return int(answer.stdout)


class Service:
    """The service, from when it is ready on. `start` is the moment of its first slot."""

    def __init__(self, task, arguments, group=None):
        self.iterations = calibrate(task)
        command = [f"{DISK}/service", "-c", str(self.iterations), *arguments, DISK, task["samples"]]
        if group:
            os.mkdir(f"{CGROUPS}/{group}")
            command = ["sh", "-c", f'echo $$ >{CGROUPS}/{group}/cgroup.procs; exec "$@"', "sh", *command]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        answer = self._process.stdout.readline().split()
        if len(answer) != 2:
            raise RunnerError(f"the service ended with {self._process.wait()} before it was ready")
        self.start = int(answer[1]) / 1e6

    def fetched_bytes(self):
        """What it had to have read from the disk."""
        with open(f"/proc/{self._process.pid}/io") as counters:
            return int(dict(line.split(": ") for line in counters)["read_bytes"])

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait() != 0:
            raise RunnerError(f"the service ended with {self._process.returncode}")
