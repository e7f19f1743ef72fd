"""Tests of check_documents.py, and of check_tree.py beside it: each plants one violation."""

import pathlib
import tempfile
import unittest

import check_documents
import check_tree


def violations(documents, files=()):
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name, text in [(name, "") for name in files] + list(documents.items()):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return check_documents.Documents(root, list(documents)).check()


class CheckDocuments(unittest.TestCase):
    def test_accepts_paths_that_exist(self):
        text = "`src/log/wal.h`, `log/wal.{h,cc}`, `src/log/*.h`, `put`, `/health`, [here](src/log/wal.h#top)\n"
        self.assertEqual(violations({"ARCHITECTURE.md": text}, ["src/log/wal.h", "src/log/wal.cc"]), [])

    def test_names_a_path_that_does_not_exist(self):
        found = violations({"ARCHITECTURE.md": "\nsee `log/gone.h`\n"}, ["src/log/wal.h"])
        self.assertEqual(found, ["ARCHITECTURE.md:2: `log/gone.h` does not exist"])

    def test_names_one_of_several_in_braces(self):
        found = violations({"ARCHITECTURE.md": "`log/wal.{h,cc}`\n"}, ["src/log/wal.h"])
        self.assertEqual(found, ["ARCHITECTURE.md:1: `log/wal.cc` does not exist"])

    def test_other_documents_are_held_to_paths_of_this_tree(self):
        found = violations({"README.md": "`src/gone` and `etcd/other`\n"}, ["src/log/wal.h"])
        self.assertEqual(found, ["README.md:1: `src/gone` does not exist"])

    def test_does_not_read_code_blocks(self):
        self.assertEqual(violations({"ARCHITECTURE.md": "```\n`src/gone`\n```\n"}), [])

    def test_names_a_link_that_leads_nowhere(self):
        self.assertEqual(len(violations({"docs/a.md": "[x](b.md) [y](https://example.org/z)\n"})), 1)

    def test_limits_the_length_of_the_architecture(self):
        self.assertIn("300 lines", violations({"ARCHITECTURE.md": "x\n" * 300})[0])


class CheckTree(unittest.TestCase):
    def one(self, text, *words):
        found = check_tree.check_text("a.cc", text)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_accepts_ordinary_text(self):
        self.assertEqual(check_tree.check_text("a.cc", "int home;  // see src/wo" "rk/x.h and /tmp\n"), [])

    def test_rejects_what_has_no_place(self):
        self.one("// TO" + "DO: later\n", "a.cc:1", "finish it")
        self.one('auto path = "/wo' + 'rk/main";\n', "path of one machine")
        self.one("<<<<<<< HEAD\n", "merge")
        self.one("int x; \n", "trailing blanks")
        self.one("int x;", "newline")


if __name__ == "__main__":
    unittest.main()
