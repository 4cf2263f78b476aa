"""What is compared: two workloads of a service, each beside four updates, and the ways to run those."""
from dataclasses import dataclass, field

# The guest.
MEMORY, DISK_SIZE, DISK = "2G", "5G", "/mnt/disk"
# Seconds that a service is watched for where no updates end it.
ALONE = 15
# A request's CPU time in microseconds: at 100 requests a second a fifth of the CPU.
REQUEST_TIME = 2000


@dataclass(frozen=True)
class Job:
    """One update: a script in jobs/, and what it finds in its environment."""
    name: str
    script: str
    environment: dict


@dataclass(frozen=True)
class Workload:
    title: str
    # Of service.c.
    service: list
    jobs: list
    # MiB, by name: files of the disk that must be there before.
    files: dict = field(default_factory=dict)


def _compress(name):
    """The lab says how often, as of `eat`."""
    return Job(name, "compress", {"INPUT": f"{DISK}/text", "OUTPUT": f"{DISK}/{name}.xz"})


def _unpack(number):
    return Job(
        f"unpack-{number}", "unpack",
        {"INPUT": f"{DISK}/archive-{number}", "OUTPUT": f"{DISK}/copy-{number}", "MIB": "96"})


def eat(mib):
    """The lab says how often."""
    return Job("eat", "eat", {"EATER": f"{DISK}/eater", "MIB": str(mib)})


# MiB. Together with what the updates read twice and take, more than the machine has.
WORKING_SET, ARCHIVE = 896, 480
WORKLOADS = {
    "requests": Workload(
        "Requests that need the CPU, and synced writes",
        ["-r", "100", "-s", "20"],
        [
            _compress("compress-1"), _compress("compress-2"), eat(320),
            Job("write", "write", {"OUTPUT": f"{DISK}/written", "MIB": "256", "SYNCS": "150"}),
        ]),
    "page-cache": Workload(
        "Requests that read a working set through the page cache",
        ["-r", "100", "-s", "0", "-w", str(WORKING_SET), "-p", "8"],
        [_unpack(1), _unpack(2), eat(320), _compress("compress-1")],
        {"working-set": WORKING_SET, "archive-1": ARCHIVE, "archive-2": ARCHIVE}),
}


@dataclass(frozen=True)
class Scenario:
    workload: str
    runner: str
    title: str
    # For the runner update-all: the shipped policy, and what an administrator adds to it on this machine.
    policy: str = None
    additions: dict = field(default_factory=dict)
    # Jobs in place of the workload's, by name.
    instead: dict = field(default_factory=dict)

    @property
    def jobs(self):
        return [self.instead.get(job.name, job) for job in WORKLOADS[self.workload].jobs]


def _update_all(workload, policy, note="", **options):
    return Scenario(workload, "update-all", f"update-all, {policy}{note}", policy, **options)


SCENARIOS = {
    "requests/alone": Scenario("requests", "alone", "the service alone"),
    "requests/unrestrained": Scenario("requests", "plain", "unrestrained"),
    "requests/nice": Scenario("requests", "nice", "nice -n19 ionice -c3"),
    "requests/groups": Scenario("requests", "groups", "control groups by hand"),
    "requests/shared-server": _update_all("requests", "shared-server"),
    # On a machine of 2 GiB a tenth would not do: the policy's own comment says to give at least this.
    "requests/database-host": _update_all("requests", "database-host", additions={"memory_max": "512M"}),
    "requests/over-memory": _update_all(
        "requests", "shared-server", ", 1.5 GiB asked for", instead={"eat": eat(1536)}),
    "page-cache/alone": Scenario("page-cache", "alone", "the service alone"),
    "page-cache/unrestrained": Scenario("page-cache", "plain", "unrestrained"),
    "page-cache/nice": Scenario("page-cache", "nice", "nice -n19 ionice -c3"),
    "page-cache/groups": Scenario("page-cache", "groups", "control groups by hand"),
    "page-cache/shared-server": _update_all("page-cache", "shared-server"),
}
