"""The governor's benchmark: a service is asked for more than its half of the CPU while updates without limits run beside
it, once as they are and once with `[protect]`."""
from scenarios import DISK, Job

# Seconds of the course: little to do, much to do, and little again.
CALM, SURGE, RECOVERY = 10, 30, 25
# Requests a second, of 2 ms each: of the CPU 4 % and 60 %.
FEW, MANY = 20, 300
GROUP = "service"
POLICY = {
    "governed": {
        "run": {"parallel": 4},
        "protect": {
            "cpu_some": "20%", "load_per_cpu": 0.5, "cgroups": [GROUP], "action": "slow-then-freeze",
            "resume_after": "5s",
        },
    },
    "unlimited": {"run": {"parallel": 4}},
}
VARIANTS = {
    "unlimited": "policy unlimited",
    "governed": "with [protect]",
}
JOBS = [
    Job(f"compress-{number}", "compress",
        {"INPUT": f"{DISK}/text", "OUTPUT": f"{DISK}/compress-{number}.xz", "PASSES": "10000"})
    for number in range(1, 5)
]
