#!/usr/bin/env python3
"""Documents tell the truth about paths: one line per violation, exit code 1 if there is any.

ARCHITECTURE.md is under 300 lines, and every path in backquotes in it exists. In all documents, a
path in backquotes that begins with a folder of this repository exists, and so does the target of
every relative link.
"""

import itertools
import pathlib
import re
import subprocess
import sys

MAX_ARCHITECTURE_LINES = 300
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.{},*-]+(/[\w.{},*-]+)*/?")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.S | re.M)


def expand(pattern):
    """`a/{b,c}.h` as ["a/b.h", "a/c.h"]."""
    pieces = [piece[1:-1].split(",") if piece.startswith("{") else [piece]
              for piece in re.split(r"(\{[^{}]*\})", pattern)]
    return ["".join(choice) for choice in itertools.product(*pieces)]


def exists(base, pattern):
    return any(base.glob(pattern.rstrip("/"))) if "*" in pattern else (base / pattern).exists()


class Documents:
    def __init__(self, root, names):
        self.root = root
        self.names = names
        self.top = {path.name for path in root.iterdir() if path.is_dir()} - {"build", ".git"}
        self.violations = []

    def check(self):
        for name in self.names:
            text = (self.root / name).read_text()
            if name == "ARCHITECTURE.md" and text.count("\n") >= MAX_ARCHITECTURE_LINES:
                self.violations.append(f"{name}: {text.count(chr(10))} lines; it stays under {MAX_ARCHITECTURE_LINES}")
            text = FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
            for number, line in enumerate(text.splitlines(), 1):
                for code in CODE.findall(line):
                    self.check_path(f"{name}:{number}", code, strict=name == "ARCHITECTURE.md")
                for link in LINK.findall(line):
                    self.check_link(f"{name}:{number}", name, link)
        return self.violations

    def check_path(self, where, code, strict):
        if not PATH.fullmatch(code) or "/" not in code or code.startswith("build/"):
            return
        for path in expand(code):
            if not strict and path.split("/")[0] not in self.top:
                continue
            if not exists(self.root, path) and not exists(self.root / "src", path):
                self.violations.append(f"{where}: `{path}` does not exist")

    def check_link(self, where, name, link):
        target = link.split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            return
        if not ((self.root / name).parent / target).exists():
            self.violations.append(f"{where}: the link {link} leads nowhere")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listing = subprocess.run(["git", "ls-files", "*.md"], cwd=root, check=True, capture_output=True, text=True).stdout
    names = [name for name in listing.splitlines() if (root / name).is_file()]
    violations = Documents(root, names).check()
    print("\n".join(violations) if violations else f"documents: {len(names)}, every path in them exists")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
