"""Planning of large abstract problems, from the program's start to its JSON, beside `ninja -n` on the same graph."""
import json
import math
import random

from measuring import Command, Row, measure_in_turn

SMALL, LARGE = 10_000, 100_000
GOALS = {SMALL: 0.15, LARGE: 0.9}  # seconds
PEAK = 150e6  # bytes, of the large one
LAYERS, DEPENDENCIES = 10, 3


def layered_graph(count):
    """For each job three of the layer before its own; the same at each call."""
    generator = random.Random(2)
    width = count // LAYERS
    graph = [[] for _ in range(width)]
    for job in range(width, count):
        layer = job // width
        graph.append(sorted(generator.sample(range((layer - 1) * width, layer * width), DEPENDENCIES)))
    return graph


def _commands(workshop, count):
    graph = layered_graph(count)
    jobs = [
        {"id": f"job-{job}", "duration_seconds": 1 + job % 60, "after": [f"job-{one}" for one in after],
         "demand": {"cpus": 1}}
        for job, after in enumerate(graph)
    ]
    problem = workshop.write(f"problem-{count}.json", json.dumps({"capacities": {"cpus": 64}, "jobs": jobs}))
    edges = (f"build job-{job}: true {' '.join(f'job-{one}' for one in after)}\n" for job, after in enumerate(graph))
    workshop.write(f"plan-{count}/build.ninja", "rule true\n  command = /bin/true\n" + "".join(edges))
    return {
        f"ours-{count}": Command([workshop.program, "plan", "--problem", problem, "--format", "json"]),
        f"ninja-{count}": Command(["ninja", "-n"], directory=workshop.path(f"plan-{count}")),
    }


def plan(workshop):
    medians = measure_in_turn(workshop, {**_commands(workshop, SMALL), **_commands(workshop, LARGE)})
    for count, goal in GOALS.items():
        ours, ninja = medians[f"ours-{count}"], medians[f"ninja-{count}"]
        yield Row(f"plan of {count:,} jobs", ours.wall, goal, "s", "ninja -n", ninja.wall)
    ours, ninja = medians[f"ours-{LARGE}"], medians[f"ninja-{LARGE}"]
    yield Row(f"its peak memory with {LARGE:,}", ours.peak, PEAK, "B", "ninja -n", ninja.peak)
    growth = [medians[f"{name}-{LARGE}"].wall / medians[f"{name}-{SMALL}"].wall for name in ("ours", "ninja")]
    limit = LARGE * math.log(LARGE) / (SMALL * math.log(SMALL))
    yield Row("its growth; n log n is the goal", growth[0], limit, "", "ninja -n", growth[1])
