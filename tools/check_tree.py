#!/usr/bin/env python3
"""Rules about the files of the tree, whatever they hold: one line per violation, exit code 1 if there is any.

No binaries and no large files (but for recorded data directories), no paths of some machine, no marks
of unfinished work, no leftovers of a merge, text that ends in one newline without trailing blanks.
"""

import pathlib
import re
import subprocess
import sys

MAX_BYTES = 400_000
RECORDED = re.compile(r"(^|/)(testdata|seeds|recorded)/")  # inputs of tests: any bytes
# The words are cut in two, so that this file passes its own rule.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk/|tm" r"p/build|home/\w|root/\w|Users/\w)")
CONFLICT = re.compile(r"^(<{7}|>{7}) ")


def check_text(name, text):
    """The violations of one text file."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if match := UNFINISHED.search(line):
            found.append(f"{where}: {match.group(1)} (finish it, or file an issue)")
        if MACHINE_PATH.search(line):
            found.append(f"{where}: a path of one machine")
        if CONFLICT.match(line):
            found.append(f"{where}: leftover of a merge")
        if line != line.rstrip() and not name.endswith(".md"):
            found.append(f"{where}: trailing blanks")
    if text and not text.endswith("\n"):
        found.append(f"{name}: no newline at the end")
    return found


def check_file(root, name):
    path = root / name
    if not path.is_file() or path.is_symlink():
        return []
    if RECORDED.search(name):
        return []
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        return [f"{name}: {len(data)} bytes; at most {MAX_BYTES}"]
    if b"\0" in data:
        return [f"{name}: a binary file"]
    if name == "LICENSE":
        return []
    return check_text(name, data.decode("utf-8", errors="replace"))


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    names = [name for name in listing.decode().split("\0") if name]
    violations = [violation for name in names for violation in check_file(root, name)]
    print("\n".join(violations) if violations else f"tree: {len(names)} files in order")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
