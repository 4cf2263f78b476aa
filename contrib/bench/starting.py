"""The program's own start."""
from measuring import Command, Row, measure_in_turn


def start(workshop):
    medians = measure_in_turn(workshop, {
        "ours": Command([workshop.program, "--version"]),
        "ninja": Command(["ninja", "--version"]),
    })
    yield Row("--version", medians["ours"].wall, 0.015, "s", "ninja", medians["ninja"].wall)
