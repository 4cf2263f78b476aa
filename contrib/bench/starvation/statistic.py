"""From the service's samples to figures: percentiles of a window, and what rounds say together."""
import math
import statistics

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1}


def read_samples(path):
    """By kind, pairs of when something was due and how late it was done, in seconds."""
    samples = {"request": [], "sync": []}
    with open(path) as file:
        for line in file:
            kind, due, late = line.split()
            samples[kind].append((int(due) / 1e6, int(late) / 1e6))
    return samples


def percentile(ordered, share):
    """The nearest rank: a value that was measured, at or below which `share` of all are."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarize(samples, begin, end):
    """Percentiles in milliseconds of all that was due between the two moments; `None` where nothing was."""
    ordered = sorted(late for due, late in samples if begin <= due < end)
    if not ordered:
        return None
    figures = {name: round(percentile(ordered, share) * 1000, 3) for name, share in PERCENTILES.items()}
    return {"count": len(ordered), **figures}


def median_and_range(values):
    values = list(values)
    return statistics.median(values), min(values), max(values)
