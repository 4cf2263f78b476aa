"""Many steps that do nothing: what update-all itself costs, beside ninja."""
import os

from measuring import Command, Row, measure_in_turn

MANIFEST = """\
name = "{name}"
executable = "/bin/true"
applicable_if = []
estimate = false
separate_download = false
run_as = "user"
"""


# What update-all calls, and the locale that it gives every step: /bin/true with an argument sets its locale up, which is a
# quarter of its work. The peers do the same.
ARGUMENTS = ["update"]
ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def write_plugins(workshop, directory, count, chained=False):
    """`count` plugins, in a chain each of which requires the one before. Returns the directory."""
    for number in range(count):
        text = MANIFEST.format(name=f"step-{number}")
        if chained and number > 0:
            text += f'requires = ["step-{number - 1}"]\n'
        workshop.write(f"{directory}/step-{number}.toml", text)
    return workshop.path(directory)


def run_command(workshop, plugins, policy, slots, **options):
    """A run that finds nothing of earlier ones."""
    state = f"{os.path.basename(plugins)}-state"
    return Command(
        [
            workshop.program, "run", "--yes", "--ui", "plain", "--jobs", str(slots), "--plugin-dir", plugins,
            "--policy", policy, "--state-dir", workshop.path(state)
        ],
        prepare=lambda: workshop.put_aside(state), **options)


def ninja_command(workshop, directory, count, slots, chained=False):
    """The same for ninja, whose jobs make nothing and so run each time."""
    text = f"rule true\n  command = {' '.join(['/bin/true', *ARGUMENTS])}\n"
    for number in range(count):
        text += f"build job-{number}: true{f' job-{number - 1}' if chained and number > 0 else ''}\n"
    workshop.write(f"{directory}/build.ninja", text)
    return Command(["ninja", "-j", str(slots)], directory=workshop.path(directory), environment=ENVIRONMENT)


def _beside_ninja(workshop, what, count, chained):
    name, slots = f"steps-{count}", 2
    policy = workshop.write("parallel.toml", f"[run]\nparallel = {slots}\n")
    plugins = write_plugins(workshop, name, count, chained)
    medians = measure_in_turn(workshop, {
        "ours": run_command(workshop, plugins, policy, slots),
        "ninja": ninja_command(workshop, f"{name}-ninja", count, slots, chained),
    })
    ours, ninja = medians["ours"], medians["ninja"]
    megabytes = [figures.peak / 1e6 for figures in (ours, ninja)]
    return Row(
        what, ours.wall, 1, "s", "ninja", ninja.wall, is_relative=True,
        note=f"cpu {ours.cpu:.2f} s to {ninja.cpu:.2f}, peak {megabytes[0]:.0f} MB to {megabytes[1]:.0f}")


def independent(workshop):
    yield _beside_ninja(workshop, "1,000 steps, 2 at a time", 1000, chained=False)


def chain(workshop):
    yield _beside_ninja(workshop, "a chain of 200 steps", 200, chained=True)
