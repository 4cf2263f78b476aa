"""One step that prints 1 GiB of lines, its log written and the plain display on, beside `cat` into a file; and one that
computes and prints 100,000 lines, as a build does, beside the same with its output to a file."""
import os
import shutil

from measuring import Command, Row, measure_in_turn
from steps import MANIFEST, run_command

RATE_SHARE = 5  # at least a fifth of the peer's rate
PEAK = 64 << 20  # bytes
OVERHEAD = 1.05


def stream(workshop):
    yield from _flood(workshop)
    yield _build(workshop)


def _build(workshop):
    compiler = workshop.build("compiler")
    workshop.write("build/compiler.toml", MANIFEST.format(name="compiler").replace("/bin/true", compiler))
    policy = workshop.write("parallel.toml", "[run]\nparallel = 2\n")
    output = workshop.path("build-output")
    medians = measure_in_turn(workshop, {
        "ours": run_command(workshop, workshop.path("build"), policy, 2, into_pipe=True),
        "bare": Command(["sh", "-c", 'exec "$1" >"$2"', "sh", compiler, output]),
    }, warm_up=False)
    ours, bare = medians["ours"], medians["bare"]
    return Row(
        "100,000 lines of a build", ours.wall, OVERHEAD, "s", "bare, to a file", bare.wall, is_relative=True,
        note=f"cpu {ours.cpu:.2f} s to {bare.cpu:.2f}")


def _flood(workshop):
    producer = workshop.build("producer")
    workshop.write("stream/producer.toml", MANIFEST.format(name="producer").replace("/bin/true", producer))
    policy = workshop.write("parallel.toml", "[run]\nparallel = 2\n")
    copy = workshop.path("copy")

    def remove_both():
        # Only one gigabyte at a time.
        shutil.rmtree(workshop.path("stream-state"), ignore_errors=True)
        if os.path.exists(copy):
            os.remove(copy)

    ours = run_command(workshop, workshop.path("stream"), policy, 2, into_pipe=True)
    peer = Command(["sh", "-c", '"$1" | cat >"$2"', "sh", producer, copy])
    ours.prepare = peer.prepare = remove_both
    medians = measure_in_turn(workshop, {"ours": ours, "peer": peer}, warm_up=False)
    remove_both()
    ours, peer = medians["ours"], medians["peer"]
    yield Row(
        "1 GiB of lines", ours.wall, RATE_SHARE, "s", "cat >file", peer.wall, is_relative=True,
        note=f"{1024 / ours.wall:,.0f} MiB/s to {1024 / peer.wall:,.0f}")
    yield Row("its peak memory", ours.peak, PEAK, "B", "cat >file", peer.peak)
