"""The governor's benchmark on the host: its rounds, table and plot."""
import statistics

from plot import FAINT, GRID, INK, OTHERS, OURS, RIGHT, WIDTH, Axis, document, line, text
from statistic import median_and_range, summarize
from surge import CALM, RECOVERY, SURGE, VARIANTS

# Seconds that one point of the plot stands for.
STEP = 1


def measure(laboratory, name):
    """One course. Times are seconds after its start."""
    answer = laboratory.run("inside_surge.py", {"scenario": name})
    start = answer["start"]
    requests = answer["samples"]["request"]
    course = [
        summarize(requests, start + second, start + second + STEP)
        for second in range(0, CALM + SURGE + RECOVERY, STEP)
    ]
    return {
        "surge": summarize(requests, start + CALM, start + CALM + SURGE),
        "calm": summarize(requests, start, start + CALM),
        "course_p99": [figures and figures["p99"] for figures in course],
        "changes": [{**change, "at": round(change["at"] - start, 2)} for change in answer["changes"]],
        "has_pressure": answer["has_pressure"], "kernel": answer["kernel"],
        "foreign_percent": answer["foreign_percent"],
    }


def reactions(measured):
    """Seconds from the surge's begin to no new starts, to a smaller share, to frozen; from its end to the first stage
    back and to all of them. What did not happen is left out.
    """
    begin, end = CALM, CALM + SURGE
    found = {}

    def note(name, since, change):
        found.setdefault(name, round(change["at"] - since, 2))

    # A change before the surge would be one without a cause.
    last = 1
    for change in measured["changes"]:
        if change["at"] < begin:
            note("too early", begin, change)
            continue
        worse = change["share"] < last or change["state"] == "frozen"
        if change["at"] < end:
            if change["state"] == "slowed" and change["share"] == 1:
                note("held", begin, change)
            if change["share"] < 1:
                note("slowed", begin, change)
            if change["state"] == "frozen":
                note("frozen", begin, change)
        elif not worse:
            note("first way back", end, change)
            if change["state"] == "normal":
                note("normal", end, change)
        last = change["share"]
    return found


def _seconds(rounds, name):
    known = [found[name] for found in map(reactions, rounds) if name in found]
    if not known:
        return "–"
    middle, least, most = median_and_range(known)
    return f"{middle:.1f} s" + (f" ({least:.1f}–{most:.1f})" if len(known) > 1 else "")


def table(by_kernel):
    """`by_kernel` has for each laboratory, by variant, the measurements of the rounds."""
    rows = ["| | | surge: request p50 | p99 | max | nothing new after | slowed after | frozen after | "
            "back to normal after | others' CPU, % |", "| --- " * 10 + "|"]
    for kernel, variants in by_kernel.items():
        for name, rounds in variants.items():
            figures = [
                f"{statistics.median(one['surge'][key] for one in rounds):,.0f} ms" for key in ("p50", "p99", "max")
            ]
            times = [_seconds(rounds, key) for key in ("held", "slowed", "frozen", "normal")]
            others = ", ".join(f"{one['foreign_percent']:.0f}" for one in rounds)
            rows.append("| " + " | ".join([kernel, VARIANTS[name], *figures, *times, others]) + " |")
    return "\n".join(rows)


def _course(rounds):
    """The median of the rounds, second by second."""
    for values in zip(*(one["course_p99"] for one in rounds)):
        known = [value for value in values if value is not None]
        yield statistics.median(known) if known else None


def write_plot(by_kernel, path):
    """Latency over the course, with and without the governor, and the stages of the first round."""
    height, top = 250, 56
    parts = [text(16, 24, "Latency of requests during a surge (p99 of each second, ms)",
                  extra=' font-weight="600" font-size="14"')]
    length = CALM + SURGE + RECOVERY
    left = 70

    def across(second):
        return left + (WIDTH - RIGHT - left) * second / length

    for kernel, variants in by_kernel.items():
        courses = {name: list(_course(rounds)) for name, rounds in variants.items()}
        axis = Axis([value for course in courses.values() for value in course if value], top + height, top + 24)
        parts.append(text(16, top + 10, kernel, extra=' font-weight="600"'))
        parts.append(
            f'<rect x="{across(CALM):.1f}" y="{top + 24}" width="{across(CALM + SURGE) - across(CALM):.1f}" '
            f'height="{height - 24}" fill="{GRID}" fill-opacity="0.5"/>')
        parts.append(text(across(CALM) + 6, top + 38, "surge: 60 % of the CPU", FAINT))
        for value, label in axis.decades():
            parts += [line(left, axis(value), WIDTH - RIGHT, axis(value)),
                      text(left - 8, axis(value) + 4, label, FAINT, "end")]
        for second in range(0, length + 1, 5):
            parts.append(text(across(second), top + height + 16, str(second), FAINT, "middle"))
        parts.append(text(WIDTH - RIGHT, top + height + 30, "seconds", FAINT, "end"))
        for number, (name, course) in enumerate(courses.items()):
            colour = OURS if name == "governed" else OTHERS
            points = " ".join(
                f"{across((second + 0.5) * STEP):.1f},{axis(value):.1f}"
                for second, value in enumerate(course) if value)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.append(text(left + 260 + 170 * number, top + 10, f"— {VARIANTS[name]}", colour))
        for change in variants.get("governed", [{"changes": []}])[0]["changes"]:
            x = across(min(length, max(0, change["at"])))
            parts.append(line(x, top + height - 8, x, top + height, OURS, 2))
            label = {"normal": "1", "frozen": "❄"}.get(change["state"]) or f"{change['share']:g}"
            parts.append(text(x, top + height - 12, label, INK, "middle", ' font-size="9"'))
        top += height + 60
    with open(path, "w") as file:
        file.write(document(top, "Latency of requests during a surge", parts))
