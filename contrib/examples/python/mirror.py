#!/usr/bin/env python3
"""mirror - keeps a directory a copy of another one, by the list of checksums that stands there.

The same plugin as ../sh/mirror, in Python without further packages. Settings, by environment:
    UPDATE_ALL_MIRROR_SOURCE   a directory with files and their SHA256SUMS, as sha256sum(1) writes it
    UPDATE_ALL_MIRROR_TARGET   the directory to keep up to date; it is made
Files that the list no longer names are kept. mirror.toml answers what is not asked here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(os.environ.get("UPDATE_ALL_MIRROR_SOURCE", ""))
TARGET = Path(os.environ.get("UPDATE_ALL_MIRROR_TARGET", ""))
# What `download` leaves for `update` cannot be in TMPDIR, which goes with each command. Beside the files it is on the
# same file system, so that rename(2) puts each in its place at once.
STAGING = TARGET / ".mirror-new"
FAILED = 3  # 1 would say of estimate-update that the plugin does not apply here, and 2 that it does not know
PIECE = 1 << 20  # bytes that are read at once, and between two reports


class Problem(Exception):
    """What the person reads; it says what to do."""


class File(NamedTuple):
    name: str
    new: str
    old: str | None
    size: int


def event(**members):
    """Tells update-all of it. Flushed, since a pipe is not written line by line by itself."""
    print("PROGRESS:" + json.dumps(members), file=sys.stderr, flush=True)


def checksum(path):
    """None where there is no such file."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def outdated():
    """The files that are to be fetched."""
    index = SOURCE / "SHA256SUMS"
    try:
        lines = index.read_text().splitlines()
    except OSError as error:
        raise Problem(f'cannot read {index}: {error.strerror}: is "source" in [settings] right?') from error
    files = []
    for line in lines:
        # The list is somebody else's: a name that could leave the directory is no file here.
        match = re.fullmatch(r"([0-9a-f]{64}) [ *]([A-Za-z0-9_+-][A-Za-z0-9._+-]*)", line)
        if match is None:
            raise Problem(f'"{line}" in {index} is not a checksum with the name of a file')
        new, name = match.groups()
        old = checksum(TARGET / name)
        if new != old:
            files.append(File(name, new, old, (SOURCE / name).stat().st_size))
    return files


def packages(files, old_key, new_key):
    """The beginning of a checksum is a version that people can tell from another; a new file has no old one."""
    return [
        {"name": file.name, old_key: file.old and file.old[:10], new_key: file.new[:10], "download_size_bytes": file.size}
        for file in files
    ]


def is_applicable():
    return 0 if SOURCE.name and TARGET.name else 1


def estimate():
    files = outdated()
    data = {"applicable": bool(files), "packages_to_update": packages(files, "current_version", "new_version")}
    print(json.dumps({"status": "success", "data": data}))


def download():
    files = outdated()
    STAGING.mkdir(parents=True, exist_ok=True)
    total, done = sum(file.size for file in files), 0
    for file in files:
        with open(SOURCE / file.name, "rb") as reader, open(STAGING / file.name, "wb") as writer:
            while piece := reader.read(PIECE):
                writer.write(piece)
                done += len(piece)
                event(message=file.name, bytes_downloaded=done, bytes_total=total)
        if checksum(STAGING / file.name) != file.new:
            raise Problem(f"{SOURCE / file.name} is not what SHA256SUMS says: try again later")
    (STAGING / ".list").write_text(json.dumps(files))


def update():
    """A protected phase: it is never killed, so that the files fit each other in the end. It does little and asks nobody:
    what there is to do was found out by `download`."""
    files = [File(*row) for row in json.loads((STAGING / ".list").read_text())]
    for done, file in enumerate(files, start=1):
        if checksum(STAGING / file.name) != file.new:
            raise Problem(f"{STAGING / file.name} is not what was downloaded: run it once more")
        os.replace(STAGING / file.name, TARGET / file.name)
        print(f"{file.name} is up to date", flush=True)
        event(message=file.name, items_completed=done, items_total=len(files))
    event(type="result", packages=packages(files, "from", "to"))
    shutil.rmtree(STAGING)


def dry_run():
    for file in outdated():
        print(f"would replace {file.name} ({file.size} bytes)")


COMMANDS = {
    ("is-applicable",): is_applicable,
    ("estimate-update",): estimate,
    ("download",): download,
    ("update",): update,
    ("update", "--dry-run"): dry_run,
}


def main():
    command = COMMANDS.get(tuple(sys.argv[1:]))
    if command is None:
        return 2  # a command that it does not know
    try:
        return command()
    except (Problem, OSError) as error:
        print(f"mirror: {error}", file=sys.stderr)
    except Exception:  # a mistake in here: Python itself would exit with 1
        traceback.print_exc()
    return FAILED


sys.exit(main())
