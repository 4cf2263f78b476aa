"""The ways to run the updates of a scenario. Each takes the scenario and the task, returns when the last update has
ended, and says of each how it ended ("succeeded", "oom_killed", ...) and after how many seconds.
"""
import glob
import json
import os
import subprocess
import time
import tomllib
from dataclasses import replace
from datetime import datetime

from scenarios import DISK, WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
CGROUPS = "/sys/fs/cgroup"


class RunnerError(Exception):
    """The updates could not be run as the scenario says; the text says why."""


def shipped_io(task, policy):
    """The `io` of a shipped policy with the path of the disk under test, as its comment asks an administrator to do."""
    with open(os.path.join(task["policies"], f"{policy}.toml"), "rb") as file:
        run = tomllib.load(file)["run"]
    return [{**cap, "path": DISK} for cap in run["io"]]


def jobs_of(scenario, task):
    """With as much work as suits this lab's CPU."""
    more = task["beside_files"] if WORKLOADS[scenario.workload].files else 1
    passes = {"compress": more, "eat": task["passes"] * more}
    for job in scenario.jobs:
        if job.script in passes:
            job = replace(job, environment={**job.environment, "PASSES": str(passes[job.script])})
        yield job


def _start_all(scenario, task, wrap):
    began = time.monotonic()
    processes = {
        subprocess.Popen(
            [*wrap(job), os.path.join(HERE, "jobs", job.script), "update"], env={**os.environ, **job.environment}): job
        for job in jobs_of(scenario, task)
    }
    jobs = {}
    while len(jobs) < len(processes):
        ended, status = os.wait()
        process = next((process for process in processes if process.pid == ended), None)
        if not process:
            raise RunnerError("the service ended while updates ran")
        process.returncode = os.waitstatus_to_exitcode(status)
        outcome = "succeeded" if process.returncode == 0 else "failed"
        jobs[processes[process].name] = {"outcome": outcome, "seconds": time.monotonic() - began}
    return jobs


def run_plain(scenario, task):
    return _start_all(scenario, task, lambda _: [])


def run_nice(scenario, task):
    return _start_all(scenario, task, lambda _: ["nice", "-n19", "ionice", "-c3"])


def _bytes(size):
    """Of "40M", as policies write it."""
    return int(size[:-1]) << {"K": 10, "M": 20, "G": 30}[size[-1]]


def run_groups(scenario, task):
    """What an administrator can do who knows control groups: the values of the policy shared-server, by hand."""
    device = os.stat(DISK).st_dev
    cap, = shipped_io(task, "shared-server")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) * 1024
    top = f"{CGROUPS}/updates"
    os.mkdir(top)
    controls = {
        "cpu.idle": "1",
        "io.max": f"{os.major(device)}:{os.minor(device)} rbps={_bytes(cap['read_bandwidth_max'])}"
                  f" wbps={_bytes(cap['write_bandwidth_max'])}",
        "memory.max": str(memory // 4),
    }
    for name, value in controls.items():
        with open(f"{top}/{name}", "w") as control:
            control.write(value)
    return _start_all(scenario, task, lambda _: ["sh", "-c", f'echo $$ >{top}/cgroup.procs; exec "$@"', "sh"])


def _toml(value):
    """A TOML value; JSON's form serves for all but tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def write_plugin(directory, job):
    lines = {
        "name": job.name, "executable": os.path.join(HERE, "jobs", job.script), "applicable_if": [], "run_as": "root",
        "estimate": False, "separate_download": False, "environment": job.environment,
    }
    _write(f"{directory}/{job.name}.toml", "".join(f"{key} = {_toml(value)}\n" for key, value in lines.items()))


def write_site_policy(values):
    """The machine's own policy, which lies over the shipped one."""
    _write("/etc/update-all/policy.toml", "".join(
        f"[{table}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        for table, keys in values.items()))


def start_update_all(task, jobs, policy, state):
    for job in jobs:
        write_plugin("/tmp/plugins", job)
    with open("/tmp/update-all.output", "w") as output:
        return subprocess.Popen(
            [
                task["update_all"], "run", "--yes", "--ui", "plain", "--plugin-dir", "/tmp/plugins", "--policy", policy,
                "--state-dir", state
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def read_events(state):
    journal, = glob.glob(f"{state}/runs/*/events.jsonl")
    with open(journal) as file:
        return [json.loads(line) for line in file]


def _outcomes(events):
    began = next(datetime.fromisoformat(event["timestamp"]) for event in events if event["type"] == "run_start")
    return {
        event["plugin"]: {
            "outcome": event["outcome"],
            "seconds": (datetime.fromisoformat(event["timestamp"]) - began).total_seconds(),
        }
        for event in events if event["type"] == "completion"
    }


def run_update_all(scenario, task):
    write_site_policy({"run": {"io": shipped_io(task, scenario.policy), **scenario.additions}})
    # On the disk under test, as /var/lib and /var/log would be.
    state = f"{DISK}/state"
    process = start_update_all(task, jobs_of(scenario, task), scenario.policy, state)
    status = process.wait()
    jobs = {}
    if status in (0, 1):
        jobs = _outcomes(read_events(state))
    if len(jobs) != len(scenario.jobs):
        with open("/tmp/update-all.output") as output:
            raise RunnerError(f"update-all ended with {status}: {output.read()[-3000:]}")
    return jobs


RUNNERS = {"plain": run_plain, "nice": run_nice, "groups": run_groups, "update-all": run_update_all}
