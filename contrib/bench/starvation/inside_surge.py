"""The guest's side of the governor's benchmark: `inside_surge.py TASK`, as root. Prints what came of it as JSON: when the
course began, and the `throttle` events, in seconds of CLOCK_MONOTONIC.
"""
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime

sys.dont_write_bytecode = True
from guest import Service, prepare
from runners import RunnerError, read_events, start_update_all, write_site_policy
from scenarios import DISK
from surge import CALM, FEW, GROUP, JOBS, MANY, POLICY, RECOVERY, SURGE

# Until update-all has started everything.
STARTING = 4.0


def measure(task):
    prepare(task, {})
    write_site_policy(POLICY[task["scenario"]])
    state = f"{DISK}/state"
    updates = start_update_all(task, JOBS, "unlimited", state)
    time.sleep(STARTING * task["patience"])
    service = Service(task, ["-r", str(FEW), "-s", "0", "-b", f"{CALM},{SURGE},{MANY}"], GROUP)
    time.sleep(max(0, service.start + CALM + SURGE + RECOVERY - time.monotonic()))
    service.stop()
    if updates.poll() is not None:
        with open("/tmp/update-all.output") as output:
            raise RunnerError(f"update-all ended early with {updates.returncode}: {output.read()[-3000:]}")
    updates.send_signal(signal.SIGTERM)
    try:
        updates.wait(30 * task["patience"])
    except subprocess.TimeoutExpired:
        raise RunnerError("update-all did not end after SIGTERM") from None
    offset = time.time() - time.monotonic()
    changes = [
        {
            "at": datetime.fromisoformat(event["timestamp"]).timestamp() - offset, "state": event["state"],
            "share": event["share"], "cause": event["cause"],
        }
        for event in read_events(state) if event["type"] == "throttle"
    ]
    return {
        "start": service.start, "changes": changes, "has_pressure": os.path.exists("/proc/pressure/cpu"),
        "kernel": os.uname().release, "iterations": service.iterations,
    }


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        read = json.load(file)
    try:
        print(json.dumps(measure(read)))
    except RunnerError as error:
        sys.exit(f"{read['scenario']}: {error}")
