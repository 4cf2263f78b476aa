"""Answers as a tool once did: replay.py RECORDING [ARGUMENT…]

A recording is text: `$ ARGUMENTS` of a call, then its lines of stdout after `> `, those of stderr after `! `, and its exit
status after `= `. Lines before the first call say where it is from. A call that was made several times is answered in
that order, then as the last time. A call that is not in it exits 99. The calls are written to RECORDING.calls, where a
test can read what was asked: so RECORDING is a copy of the test's own.
"""
import shlex, sys

recording, arguments = sys.argv[1], shlex.join(sys.argv[2:])
calls = recording + ".calls"
with open(calls, "a+") as file:
    file.seek(0)
    before = file.read().splitlines().count(arguments)
    file.write(arguments + "\n")
answers, answer = [], None
with open(recording, newline="") as file:
    for line in file:
        if line.startswith("$ "):
            answer = [] if line[2:].rstrip("\n") == arguments else None
            if answer is not None:
                answers.append(answer)
        elif answer is not None:
            answer.append(line)
if not answers:
    print(f"replay: '{arguments}' was not recorded", file=sys.stderr)
    sys.exit(99)
status = 0
for line in answers[min(before, len(answers) - 1)]:
    if line.startswith("> "):
        print(line[2:], end="", flush=True)
    elif line.startswith("! "):
        print(line[2:], end="", file=sys.stderr, flush=True)
    elif line.startswith("= "):
        status = int(line[2:])
sys.exit(status)
