"""Tests of check_layers.py: each plants one violation in a small tree and expects it to be named."""

import pathlib
import tempfile
import unittest

import check_layers

RULES = {
    "folder": {
        "base": {"pure": True, "may": []},
        "log": {"pure": True, "may": ["base"], "test": ["wire"]},
        "wire": {"may": ["base"], "subfolders": ["frames"]},
        "server": {"may": ["base", "log", "wire"]},
        "apps/node": {"may": ["server"]},
    },
    "pure": {"headers": ["thread"], "names": ["steady_clock"]},
    "external": [
        {"name": "nghttp2", "prefixes": ["nghttp2/"], "folders": ["wire"]},
        {"name": "GoogleTest", "prefixes": ["gtest/"], "folders": [], "tests": True},
        {"name": "the operating system", "prefixes": ["sys/", "*.h"], "folders": ["server"]},
    ],
}
CLEAN = {
    "src/base/a.h": "#include <vector>\n",
    "src/log/b.h": '#include "base/a.h"\n#include "log/b.h"\n',
    "src/wire/c.cc": '#include <nghttp2/nghttp2.h>\n#include "base/a.h"\n#include <thread>\n',
    "src/wire/w.h": '#include "wire/frames/f.h"\n',
    "src/wire/frames/f.h": "#include <nghttp2/nghttp2.h>\n",
    "src/log/log_conformance.h": "#include <gtest/gtest.h>\n",
    "src/server/d.cc": '#include <sys/types.h>\n#include <unistd.h>\n#include "log/b.h"\n',
    "apps/node/main.cc": '#include "server/d.h"\n#include "own.h"\n',
    "apps/node/own.h": "",
    "src/server/d.h": "",
    "src/log/b_test.cc": '#include <gtest/gtest.h>\n#include <thread>\n#include "wire/w.h"\n',
}


def violations(extra, rules=None):
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name, text in (CLEAN | extra).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check_layers.Layers(root, rules or RULES).check()


class CheckLayers(unittest.TestCase):
    def one(self, extra, *words, rules=None):
        found = violations(extra, rules)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_accepts_what_is_allowed(self):
        self.assertEqual(violations({}), [])

    def test_rejects_an_edge_that_is_not_listed(self):
        self.one({"src/wire/w.h": '\n#include "log/b.h"\n'}, "src/wire/w.h:2", "wire may not include log")

    def test_rejects_a_cycle(self):
        found = violations({"src/base/up.h": '#include "log/b.h"\n'})
        self.assertEqual(len(found), 2, found)
        self.assertIn("cycle between folders: base -> log -> base", found)

    def test_rejects_rules_that_allow_a_cycle(self):
        folders = RULES["folder"] | {"base": {"pure": True, "may": ["log"]}}
        self.one({}, "allows a cycle", rules=RULES | {"folder": folders})

    def test_rejects_a_folder_without_entry(self):
        self.one({"src/utils/x.h": ""}, "folder utils has no entry")
        self.one({"src/wire/utils/x.h": ""}, "folder wire/utils has no entry")

    def test_rejects_a_missing_or_relative_include(self):
        self.one({"src/log/r.h": '#include "b.h"\n'}, "is no file under src/")
        self.one({"apps/node/x.h": '#include "log/b.h"\n'}, "apps/node may not include log")

    def test_rejects_third_party_headers_elsewhere(self):
        self.one({"src/server/h.cc": "#include <nghttp2/nghttp2.h>\n"}, "server may not include nghttp2")

    def test_rejects_an_unknown_dependency(self):
        self.one({"src/server/h.cc": "#include <folly/json.hpp>\n"}, "no dependency")

    def test_rejects_threads_clocks_and_the_system_in_a_pure_folder(self):
        self.one({"src/log/t.h": "#include <thread>\n"}, "<thread> in log, which is pure")
        self.one({"src/log/t.h": "auto t = std::chrono::steady_clock::now();\n"}, "steady_clock in log")
        self.one({"src/log/t.h": "#include <unistd.h>\n"}, "log may not include the operating system")

    def test_rejects_a_test_header_in_what_ships(self):
        self.one({"src/log/t.h": '#include "log/log_conformance.h"\n'}, "for tests only")

    def test_rejects_a_protocol_by_name_where_all_are_served(self):
        rules = RULES | {"neutral": {"names": ["raft", r"\bzab\b"], "folders": ["log"]}}
        self.one({"src/log/n.h": "\n// as RaftLog does\n"}, "src/log/n.h:2", "Raft in a folder", rules=rules)
        self.one({"src/log/README.md": "ZAB\n"}, "src/log/README.md:1", rules=rules)
        self.assertEqual(violations({"src/log/n.h": "// linearizable\n", "src/wire/n.h": "// Raft\n"}, rules), [])

    def test_does_not_read_comments(self):
        self.assertEqual(violations({"src/log/t.h": '// no steady_clock\n/* #include <thread>\n#include "x.h" */\n'}), [])

    def test_tests_may_not_include_just_anything(self):
        self.one({"src/wire/w_test.cc": '#include "log/b.h"\n'}, "a test of wire may not include log")


if __name__ == "__main__":
    unittest.main()
