"""What the rounds say together: lines for the terminal, and the tables of docs/starvation.md."""
import json
import os
import re

import governing
from goals import judge
from laboratory import LABS
from plot import dots
from scenarios import SCENARIOS, WORKLOADS
from statistic import median_and_range

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.realpath(os.path.join(HERE, "../../../docs"))
PAGE = os.path.join(DOCS, "starvation.md")


def by_scenario(results):
    """The measurements of each scenario, round by round."""
    found = {name: [measured[name] for measured in results["rounds"] if name in measured] for name in SCENARIOS}
    return {name: all for name, all in found.items() if all}


def short(milliseconds):
    """Three digits are more than a median of five rounds tells."""
    if milliseconds >= 100:
        return f"{milliseconds:.0f}"
    return f"{milliseconds:.1f}" if milliseconds >= 10 else f"{milliseconds:.2f}"


def with_range(values):
    middle, least, most = median_and_range(values)
    return short(middle) if least == most else f"{short(middle)} ({short(least)}–{short(most)})"


def median_of(measurements, kind, key):
    return short(median_and_range(one[kind][key] for one in measurements)[0])


def foreign(measurements):
    return ", ".join(f"{one['foreign_percent']:.0f}" for one in measurements)


def print_header():
    print(
        f"{'':24} {'updates':>8}  {'requests: p50':>13} {'p95':>6} {'p99':>6} {'max':>6}  "
        f"{'syncs: p50':>10} {'p99':>6} {'max':>6}  others' CPU %", flush=True)


def print_scenario(name, measurements):
    seconds = median_and_range(one["seconds"] for one in measurements)[0]
    line = f"{name:24} {seconds:6.1f} s "
    for kind, widths in ("request", (14, 6, 6, 6)), ("sync", (11, 0, 6, 6)):
        known = measurements[0][kind] is not None
        for key, width in zip(("p50", "p95", "p99", "max"), widths):
            if width:
                line += f" {median_of(measurements, kind, key) if known else '–':>{width}}"
        line += " "
    failed = {job for one in measurements for job, end in one["jobs"].items() if end["outcome"] != "succeeded"}
    fetched = median_and_range(one["fetched_bytes"] >> 20 for one in measurements)[0]
    line += f" {foreign(measurements)}"
    line += f"  read again: {fetched:.0f} MiB" if fetched else ""
    line += f"  not succeeded: {', '.join(sorted(failed))}" if failed else ""
    print(line, flush=True)


def _updates(name, found):
    measurements = found[name]
    if SCENARIOS[name].runner == "alone":
        return "–"
    seconds = with_range(one["seconds"] for one in measurements)
    return f"{seconds} s"


def _scenario_table(results, workload):
    found = {name: all for name, all in by_scenario(results).items() if SCENARIOS[name].workload == workload}
    if not found:
        return "Not measured."
    has_syncs = all(one["sync"] for all_rounds in found.values() for one in all_rounds)
    heads = ["", "updates end after", "request p50", "p95", "p99", "p99.9", "max"]
    if has_syncs:
        heads += ["sync p50", "p99", "max"]
    else:
        heads += ["read again"]
    heads.append("others' CPU, %")
    rows = [heads, ["---"] * len(heads)]
    for name, measurements in found.items():
        row = [SCENARIOS[name].title, _updates(name, found)]
        row += [median_of(measurements, "request", "p50"), median_of(measurements, "request", "p95")]
        row += ["**" + with_range(one["request"]["p99"] for one in measurements) + "**"]
        row += [median_of(measurements, "request", key) for key in ("p99.9", "max")]
        if has_syncs:
            row += [median_of(measurements, "sync", "p50")]
            row += ["**" + with_range(one["sync"]["p99"] for one in measurements) + "**"]
            row += [median_of(measurements, "sync", "max")]
        else:
            fetched = median_and_range(one["fetched_bytes"] / (1 << 20) for one in measurements)[0]
            row.append(f"{fetched:.0f} MiB")
        row.append(foreign(measurements))
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _goal_table(results):
    rows = ["| goal | measured | |", "| --- | --- | --- |"]
    for goal in judge(by_scenario(results)):
        rows.append(f"| {goal.text} | {goal.measured} | {'met' if goal.is_met else '**missed**'} |")
    return "\n".join(rows)


def print_goals(results):
    for goal in judge(by_scenario(results)):
        print(f"{'met ' if goal.is_met else 'MISS'} {goal.text}: {goal.measured}")


def _circumstances(results):
    machine = results["machine"]
    one = next(scenario for one in results["rounds"] for scenario in one.values())
    rounds = len(results["rounds"])
    return (
        f"{results['date']}, {rounds} round{'s' if rounds > 1 else ''} on one of {machine['cpus']} CPUs "
        f"({machine['processor']}, Linux {machine['kernel']}). In the lab {results['lab']} with Linux {one['kernel']}, "
        f"2 GiB, the disk with the scheduler {one['disk_scheduler']}. {results['remark']}").rstrip()


def _replace(page, name, text):
    """What stands between the marks of that name."""
    begin, end = f"<!-- {name}: written by make bench-starvation -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE}: the marks of '{name}' are missing: {begin} … {end}")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _panels(results):
    found = by_scenario(results)
    for workload, kind, title in (
            ("requests", "request", "Requests that need the CPU"),
            ("requests", "sync", "Synced writes"),
            ("page-cache", "request", "Requests that read through the page cache")):
        rows = [
            (SCENARIOS[name].title, SCENARIOS[name].runner == "update-all", [one[kind]["p99"] for one in all],
             [one[kind]["p50"] for one in all])
            for name, all in found.items() if SCENARIOS[name].workload == workload and name != "requests/over-memory"
        ]
        if rows:
            yield title, rows


def results_file(lab):
    return os.path.join(DOCS, f"starvation/{lab}.json")


def write_page():
    """Brings the tables of the page and the plots up to date with the files of results."""
    with open(PAGE) as file:
        page = file.read()
    governor = {}
    for lab in LABS:
        if not os.path.exists(results_file(lab)):
            continue
        with open(results_file(lab)) as file:
            results = json.load(file)
        page = _replace(page, f"{lab}: circumstances", _circumstances(results))
        for workload in WORKLOADS:
            page = _replace(page, f"{lab}: {workload}", _scenario_table(results, workload))
        page = _replace(page, f"{lab}: goals", _goal_table(results))
        with open(os.path.join(DOCS, f"starvation/{lab}.svg"), "w") as file:
            file.write(dots(
                f"{results['lab']}: 99th percentile of latency, each round and the median (ms)",
                list(_panels(results))))
        if results["governor"]:
            governor[results["lab"]] = results["governor"]
    if governor:
        page = _replace(page, "governor", governing.table(governor))
        governing.write_plot(governor, os.path.join(DOCS, "starvation/governor.svg"))
    with open(PAGE, "w") as file:
        file.write(page)
