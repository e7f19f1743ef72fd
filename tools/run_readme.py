#!/usr/bin/env python3
"""Runs what README.md tells its reader to type: every ```sh block, in order, in one shell that stops
at the first command that fails. A ```console block is a transcript and is not run.

    tools/run_readme.py [--list] [FILE]
"""

import argparse
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)


def commands(text):
    """The blocks as one script; each block is announced with its line before it runs."""
    script = ["set -euo pipefail"]
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        script.append(f"echo '--- block at line {line}'\nset -x\n{block.group(1)}{{ set +x; }} 2>/dev/null")
    return script


def main():
    parser = argparse.ArgumentParser(description="Runs the sh blocks of a document.")
    parser.add_argument("--list", action="store_true", help="print the script instead of running it")
    parser.add_argument("file", nargs="?", default="README.md")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    script = commands((root / arguments.file).read_text())
    if len(script) == 1:
        print(f"{arguments.file} has no sh block")
        return 1
    if arguments.list:
        print("\n".join(script))
        return 0
    return subprocess.run(["bash", "-c", "\n".join(script)], cwd=root, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
