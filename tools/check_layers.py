#!/usr/bin/env python3
"""Rejects includes that tools/layers.toml does not allow, cycles between folders, and protocols' names where all are served.

    tools/check_layers.py [--root DIR]   one line per violation, exit code 1 if there is any
"""

import argparse
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
TEST_FILE = re.compile(r"_(test|conformance)\.(h|cc)$|_test_\w+\.h$")  # not part of what ships
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def without_comments(text):
    """The text with comments blanked and lines kept; string literals keep their place (includes use them)."""

    def blank(match):
        found = match.group(0)
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return COMMENT.sub(blank, text)


def find_cycle(edges):
    """One cycle of the graph {node: set of nodes} as a list whose ends are equal, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            cycle = path[path.index(node):]
            first = cycle.index(min(cycle))
            return cycle[first:] + cycle[:first + 1]
        if node in done:
            return None
        path.append(node)
        for target in sorted(edges.get(node, ())):
            cycle = visit(target)
            if cycle:
                return cycle
        path.pop()
        done.add(node)
        return None

    for start in sorted(edges):
        cycle = visit(start)
        if cycle:
            return cycle
    return None


class Layers:
    def __init__(self, root, rules):
        self.root = root
        self.folders = rules["folder"]
        self.pure = rules.get("pure", {"headers": [], "names": []})
        self.external = rules.get("external", [])
        self.pure_name = re.compile(r"\b(" + "|".join(map(re.escape, self.pure["names"])) + r")\b")
        neutral = rules.get("neutral", {"names": [], "folders": []})
        self.neutral_folders = neutral["folders"]
        self.protocol_name = re.compile("|".join(neutral["names"]) or r"(?!)", re.I)
        self.violations = []
        self.edges = {}

    def check(self):
        self.check_rules()
        for top in ("src", "apps", "tests/protocols"):
            for path in sorted((self.root / top).rglob("*")):
                if path.suffix in (".h", ".cc"):
                    self.check_file(path)
        for folder in self.neutral_folders:
            for path in sorted((self.root / "src" / folder).rglob("*")):
                if path.is_file():
                    self.check_names(path)
        cycle = find_cycle(self.edges)
        if cycle:
            self.violations.append(f"cycle between folders: {' -> '.join(cycle)}")
        return self.violations

    def check_rules(self):
        for name, rule in self.folders.items():
            for target in rule["may"] + rule.get("test", []):
                if target not in self.folders:
                    self.violations.append(f"tools/layers.toml: {name} may include {target}, which has no entry")
        cycle = find_cycle({name: set(rule["may"]) for name, rule in self.folders.items()})
        if cycle:
            self.violations.append(f"tools/layers.toml allows a cycle: {' -> '.join(cycle)}")

    def folder_of(self, directory):
        """The folder (an entry of the rules) that a directory belongs to; subfolders that its entry names are part of it."""
        parent, _, last = directory.rpartition("/")
        if directory not in self.folders and last in self.folders.get(parent, {}).get("subfolders", []):
            return parent
        return directory

    def check_file(self, path):
        relative = path.relative_to(self.root)
        folder = self.folder_of(relative.parent.as_posix().removeprefix("src/"))
        if folder not in self.folders:
            self.violations.append(f"{relative}: folder {folder} has no entry in tools/layers.toml")
            return
        is_test = bool(TEST_FILE.search(relative.name))
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            where = f"{relative}:{number}"
            include = INCLUDE.match(line)
            if include and include.group(1) == '"':
                self.check_own(where, folder, is_test, include.group(2))
            elif include:
                self.check_external(where, folder, is_test, include.group(2))
            elif self.folders[folder].get("pure") and not is_test:
                name = self.pure["names"] and self.pure_name.search(line)
                if name:
                    self.violations.append(f"{where}: {name.group(1)} in {folder}, which is pure: it comes in through env")

    def check_names(self, path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            name = self.protocol_name.search(line)
            if name:
                self.violations.append(f"{path.relative_to(self.root)}:{number}: {name.group(0)} in a folder that serves "
                                       "every protocol: say what holds of which, not who")

    def check_own(self, where, folder, is_test, target):
        if target.endswith(".pb.h"):
            self.check_external(where, folder, is_test, target)
            return
        if folder.startswith("apps/") and (self.root / folder / target).is_file():
            return  # an application's own headers stand beside it
        if not (self.root / "src" / target).is_file() and not (target.startswith("tests/") and (self.root / target).is_file()):
            self.violations.append(f'{where}: "{target}" is no file under src/ (includes are written from there)')
            return
        included = self.folder_of(pathlib.PurePosixPath(target).parent.as_posix())
        if TEST_FILE.search(target) and not is_test:
            self.violations.append(f"{where}: {target} is for tests only")
        if included == folder:
            return
        rule = self.folders[folder]
        if is_test:
            if included not in rule["may"] + rule.get("test", []):
                self.violations.append(f"{where}: a test of {folder} may not include {included} ({target})")
            return
        self.edges.setdefault(folder, set()).add(included)
        if included not in rule["may"]:
            self.violations.append(f"{where}: {folder} may not include {included} ({target})")

    def check_external(self, where, folder, is_test, target):
        if re.fullmatch(r"[a-z_0-9]+", target):  # a C++ standard header
            if self.folders[folder].get("pure") and not is_test and target in self.pure["headers"]:
                self.violations.append(f"{where}: <{target}> in {folder}, which is pure")
            return
        for rule in self.external:
            if any(target.endswith(p[1:]) if p[0] == "*" else target.startswith(p) for p in rule["prefixes"]):
                if folder not in rule["folders"] and not (is_test and rule.get("tests")):
                    self.violations.append(f"{where}: {folder} may not include {rule['name']} (<{target}>)")
                return
        self.violations.append(f"{where}: <{target}> belongs to no dependency that tools/layers.toml names")


def main():
    parser = argparse.ArgumentParser(description="Checks the includes under src/ and apps/ against tools/layers.toml.")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    rules = tomllib.loads((root / "tools/layers.toml").read_text())
    violations = Layers(root, rules).check()
    print("\n".join(violations) if violations else "layers: no forbidden edge, no cycle")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
