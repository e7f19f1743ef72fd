#!/usr/bin/env python3
"""docs/scenarios.md from tests/scenarios/catalogue.txt and the tests that name an ID.

    tools/scenarios.py          writes the document
    tools/scenarios.py --check  fails if it is not what would be written

A test names a scenario by its ID in a comment or a string; product code that does is no test of it.
"""

import collections
import pathlib
import re
import subprocess
import sys

CATALOGUE = "tests/scenarios/catalogue.txt"
DOCUMENT = "docs/scenarios.md"
ID = re.compile(r"\b[A-Z]-\d\d\b")
TESTS = re.compile(r"^src/.*(_test\.(cc|h)|_for_test\.h|/testdata/.*|_conformance\.h)$|^src/sim/|^tests/(?!scenarios/catalogue)")
HEADER = """# Scenarios: failures that real systems had, and where they are tested

Written by `tools/scenarios.py` from `tests/scenarios/catalogue.txt` and the tests. A test carries the ID in its name or in a
comment.

"""


def read_catalogue(root):
    """[(section, [(id, title)])]"""
    sections = []
    for line in (root / CATALOGUE).read_text().splitlines():
        if line.startswith("["):
            sections.append((line.strip("[]"), []))
        elif line and not line.startswith("#"):
            sections[-1][1].append(tuple(line.split(" ", 1)))
    return sections


def find_tests(root):
    """id -> paths, in order."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                             capture_output=True, text=True).stdout
    where = collections.defaultdict(list)
    for name in sorted(listing.splitlines()):
        if TESTS.match(name) and (root / name).is_file():
            for scenario in set(ID.findall((root / name).read_text(errors="replace"))):
                where[scenario].append(name)
    return where


def render(sections, where):
    lines, tested, open_now = [], 0, 0
    for section, scenarios in sections:
        lines += [f"## {section.removesuffix('; later')}", "", "| ID | scenario | status | where |", "|---|---|---|---|"]
        for scenario, title in scenarios:
            paths = where.get(scenario, [])
            later = section.endswith("; later") or "(later" in title
            status = "tested" if paths else "later" if later else "not yet"
            tested += status == "tested"
            open_now += status == "not yet"
            title = re.sub(r" \(later.*\)$", "", title)
            lines.append(f"| {scenario} | {title} | {status} | {', '.join(f'`{path}`' for path in paths)} |")
        lines.append("")
    total = sum(len(scenarios) for _, scenarios in sections)
    summary = f"{total} scenarios: {tested} tested, {open_now} not yet, {total - tested - open_now} for later parts.\n\n"
    return HEADER + summary + "\n".join(lines).rstrip() + "\n"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    sections = read_catalogue(root)
    where = find_tests(root)
    unknown = set(where) - {scenario for _, scenarios in sections for scenario, _ in scenarios}
    unknown = {scenario for scenario in unknown if scenario[0] not in "FIV"}  # faults and invariants have no list here
    if unknown:
        print(f"{CATALOGUE} does not know {', '.join(sorted(unknown))}")
        return 1
    text = render(sections, where)
    document = root / DOCUMENT
    if "--check" in sys.argv[1:]:
        if not document.is_file() or document.read_text() != text:
            print(f"{DOCUMENT} is out of date: tools/scenarios.py writes it")
            return 1
        print(text.splitlines()[5])
        return 0
    document.write_text(text)
    print(text.splitlines()[5])
    return 0


if __name__ == "__main__":
    sys.exit(main())
