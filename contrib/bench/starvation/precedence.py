"""Has a lab run before whatever else this machine does on its CPU, and its kernel before its processes."""
import os
import time

AUTOGROUPS = "/proc/self/autogroup"
LEAST = "-20"
MACHINES = {"linux.uml", "qemu-system-x86"}


def come_first():
    """This process, and what it starts."""
    os.setpriority(os.PRIO_PROCESS, 0, int(LEAST))
    if os.path.exists(AUTOGROUPS):
        with open(AUTOGROUPS, "w") as control:
            control.write(LEAST)


def _parents_and_sessions():
    """By process id."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                # The name, in parentheses, may hold anything.
                fields = file.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(entry)] = int(fields[1]), int(fields[3])
    return found


def _descends(process, ancestor, known):
    while process in known:
        if process == ancestor:
            return True
        process = known[process][0]
    return False


def _is_guests_work(task):
    """Whether it is what a guest's processes do, and not its kernel or its devices: with User Mode Linux processes that
    the kernel traces, with qemu the thread that emulates the CPU."""
    with open(f"{task}/status") as file:
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
    return fields["TracerPid"] != "0" or fields["Name"].startswith("CPU ")


def _put_first(process):
    for thread in os.listdir(f"/proc/{process}/task"):
        if not _is_guests_work(f"/proc/{process}/task/{thread}"):
            os.sched_setscheduler(int(thread), os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def bring_machine_first(ancestor):
    """Once the guest is up: has its interrupts come before its work.

    On one CPU both are threads of this machine, and a timer that has run out would have to wait for the other's time
    slice to end before the guest sees it. So they go into the real-time class, which their children do not inherit.

    Where the scheduler shares a CPU out among sessions (sched(7), autogroup), a nice value counts only within one; and
    User Mode Linux makes a session of its own.
    """
    known = _parents_and_sessions()
    for process, (_, session) in known.items():
        if not _descends(process, ancestor, known):
            continue
        try:
            with open(f"/proc/{process}/comm") as file:
                if file.read().strip() not in MACHINES:
                    continue
            if process == session and os.path.exists(AUTOGROUPS):
                with open(f"/proc/{process}/autogroup", "w") as control:
                    control.write(LEAST)
            _put_first(process)
        except (FileNotFoundError, ProcessLookupError):
            continue


def wait_for_file(path, process, seconds):
    """Whether it came before the process ended and the time was over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if os.path.exists(path):
            return True
        time.sleep(0.05)
    return False
