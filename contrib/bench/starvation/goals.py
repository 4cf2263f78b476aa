"""What the policy shared-server has to reach, by the paired figures of each round."""
import statistics
from dataclasses import dataclass


@dataclass
class Goal:
    text: str
    measured: str
    is_met: bool


def _paired(found, over, under, value):
    """The ratio of two scenarios in each round that has both."""
    return [value(one) / value(other) for one, other in zip(found.get(over, []), found.get(under, []))]


def _p99(kind):
    return lambda measured: measured[kind]["p99"]


def _seconds(measured):
    return measured["seconds"]


def _times(ratios):
    return f"{statistics.median(ratios):.2f} × ({min(ratios):.2f}–{max(ratios):.2f})"


def _at_least(text, ratios, goal):
    return Goal(text, _times(ratios), statistics.median(ratios) >= goal)


def _at_most(text, ratios, goal):
    return Goal(text, _times(ratios), statistics.median(ratios) <= goal)


def _not_worse(text, found, ours, peer, value):
    """Beyond the spread of the rounds: our median is above the worst of the peer's rounds."""
    mine = statistics.median(map(value, found[ours]))
    ratios = _paired(found, ours, peer, value)
    return Goal(text, _times(ratios), mine <= max(map(value, found[peer])))


def judge(found):
    """All goals whose scenarios were measured. `found` has each scenario's measurements, round by round."""
    for workload, rules in (("requests", _requests), ("page-cache", _page_cache)):
        if all(f"{workload}/{name}" in found for name in ("alone", "unrestrained", "nice", "shared-server")):
            yield from rules(found)
    if "requests/over-memory" in found:
        ends = [one["jobs"] for one in found["requests/over-memory"]]
        alone = all(
            {job for job, end in jobs.items() if end["outcome"] != "succeeded"} == {"eat"} and
            jobs["eat"]["outcome"] == "oom_killed" for jobs in ends)
        kills = max(one["oom_kills"] for one in found["requests/over-memory"])
        yield Goal(
            "A job over its memory dies alone", f"{len(ends)} rounds, at most {kills} processes killed, the others "
            f"{'succeeded' if alone else 'did not all succeed'}", alone)


def _requests(found):
    ours, alone, plain, nice = (
        f"requests/{name}" for name in ("shared-server", "alone", "unrestrained", "nice"))
    request, sync = _p99("request"), _p99("sync")
    yield _at_least(
        "Request p99, unrestrained over shared-server: at least 10", _paired(found, plain, ours, request), 10)
    yield _at_most("Request p99, shared-server over alone: at most 5", _paired(found, ours, alone, request), 5)
    yield _not_worse(
        "Request p99, shared-server over nice and ionice: no worse than their worst round", found, ours, nice, request)
    yield _not_worse(
        "Sync p99, shared-server over nice and ionice: no worse than their worst round", found, ours, nice, sync)
    yield _at_most(
        "Updates' end, shared-server over unrestrained: at most 1.1", _paired(found, ours, plain, _seconds), 1.1)


def _page_cache(found):
    ours, alone, nice = (f"page-cache/{name}" for name in ("shared-server", "alone", "nice"))
    request = _p99("request")
    yield _at_most(
        "Page cache: request p99, shared-server over alone: at most 2", _paired(found, ours, alone, request), 2)
    yield _at_least(
        "Page cache: request p99, nice and ionice over shared-server: at least 3",
        _paired(found, nice, ours, request), 3)
