"""The guest's side of one scenario: `inside.py TASK`, as root in the kernel lab. Prints what came of it as JSON.

The service and, but for update-all's and those in groups made by hand, the updates are in the root group, as beside a
service that cron has company: `nice` counts among the processes of one group only, so nothing is better for it.
"""
import json
import os
import sys
import time

sys.dont_write_bytecode = True
from guest import Service, disk_scheduler, prepare
from runners import RUNNERS, RunnerError
from scenarios import ALONE, SCENARIOS, WORKLOADS

# Before the updates begin.
SETTLING = 2.0


def _oom_kills():
    with open("/proc/vmstat") as counters:
        return int(dict(line.split() for line in counters)["oom_kill"])


def measure(task):
    scenario = SCENARIOS[task["scenario"]]
    workload = WORKLOADS[scenario.workload]
    prepare(task, workload.files)
    service = Service(task, workload.service)
    time.sleep(SETTLING)
    begin, fetched, kills = time.monotonic(), service.fetched_bytes(), _oom_kills()
    if scenario.runner == "alone":
        time.sleep(ALONE)
        jobs = {}
    else:
        jobs = RUNNERS[scenario.runner](scenario, task)
    end, fetched, kills = time.monotonic(), service.fetched_bytes() - fetched, _oom_kills() - kills
    service.stop()
    return {
        "begin": begin, "end": end, "jobs": jobs, "fetched_bytes": fetched, "oom_kills": kills,
        "disk_scheduler": disk_scheduler(), "iterations": service.iterations, "kernel": os.uname().release,
    }


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        read = json.load(file)
    try:
        print(json.dumps(measure(read)))
    except RunnerError as error:
        sys.exit(f"{read['scenario']}: {error}")
