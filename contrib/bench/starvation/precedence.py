"""Has a lab run before whatever else this machine does on its CPU, and its kernel before its processes."""
import os
import time

AUTOGROUPS = "/proc/self/autogroup"
LEAST = "-20"


def come_first():
    """This process, and what it starts."""
    os.setpriority(os.PRIO_PROCESS, 0, int(LEAST))


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


def _is_traced(process):
    with open(f"/proc/{process}/status") as file:
        return not any(line.split() == ["TracerPid:", "0"] for line in file)


def bring_machine_first(ancestor):
    """Once the guest is up: what its processes do is done by processes here that its kernel traces, and its kernel is one
    as well. On one CPU that would have to wait for its turn until a tick of ours, 10 ms at worst, before the guest sees
    an interrupt. So it goes before them, in the real-time class, which its children do not inherit.

    Where the scheduler shares a CPU out among sessions (sched(7), autogroup), a nice value counts only within one; and
    the lab's kernel makes a session of its own.
    """
    known = _parents_and_sessions()
    for process, (_, session) in known.items():
        if session == known[ancestor][1] or not _descends(process, ancestor, known):
            continue
        try:
            if process == session and os.path.exists(AUTOGROUPS):
                with open(f"/proc/{process}/autogroup", "w") as control:
                    control.write(LEAST)
            if not _is_traced(process):
                os.sched_setscheduler(process, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
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
