"""`sluice check` as a program: its exit code, its counts and its names.

  check_test.py SLUICE EXAMPLES
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SLUICE, EXAMPLES = (pathlib.Path(each).resolve() for each in sys.argv[1:3])


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-check-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def copy(self, name):
        """A case of ours that passes."""
        return pathlib.Path(shutil.copytree(EXAMPLES / "add/1", self.folder / name))

    def check(self, *folders):
        """Exit code, {(case, set): status}, counts; the same by both forms of the output."""
        form = [subprocess.run([SLUICE, "check", *more, *folders], cwd=self.folder, capture_output=True, text=True,
                               check=False, timeout=100) for more in ([], ["--json"])]
        *lines, counts = [json.loads(line) for line in form[1].stdout.splitlines()]
        self.assertEqual(form[0].returncode, form[1].returncode)
        self.assertEqual(form[0].stdout.splitlines()[-1], ", ".join(f"{n} {status}" for status, n in counts.items()))
        for line, text in zip(lines, form[0].stdout.splitlines()):
            self.assertEqual(sorted(line), ["case", "detail", "set", "status"])
            self.assertEqual(text.split(":")[0].split(), [line["status"], "/".join(filter(None, (line["case"],
                                                                                                 line["set"])))])
        return form[1].returncode, {(line["case"], line["set"]): line["status"] for line in lines}, counts

    def test_zero_when_all_pass(self):
        self.copy("one")
        self.copy("two")
        self.assertEqual(self.check("one", "two"), (0, {
            ("one", "test_data_set_0"): "pass", ("two", "test_data_set_0"): "pass"},
            {"pass": 2, "fail": 0, "unsupported": 0, "error": 0}))

    def test_one_when_a_value_is_wrong(self):
        self.copy("one")
        output = self.copy("two") / "test_data_set_0/output_0.pb"
        output.write_bytes(output.read_bytes()[:-4] + b"\0\0\x80\x3e")  # the last float: 0.25
        self.assertEqual(self.check("one", "two"), (1, {
            ("one", "test_data_set_0"): "pass", ("two", "test_data_set_0"): "fail"},
            {"pass": 1, "fail": 1, "unsupported": 0, "error": 0}))

    def test_one_when_an_operator_is_not_known(self):
        self.copy("one")
        model = self.copy("two") / "model.onnx"
        data = model.read_bytes()
        self.assertEqual(data.count(b"\x03Add"), 1)
        model.write_bytes(data.replace(b"\x03Add", b"\x03Odd"))
        self.assertEqual(self.check("one", "two")[0::2], (1, {"pass": 1, "fail": 0, "unsupported": 1, "error": 0}))

    def test_one_when_nothing_can_be_read(self):
        self.copy("one")
        (self.folder / "none").mkdir()
        self.assertEqual(self.check("one", "none")[0::2], (1, {"pass": 1, "fail": 0, "unsupported": 0, "error": 1}))

    def test_one_when_the_limit_of_instructions_is_no_such(self):
        self.copy("one")
        done = subprocess.run([SLUICE, "check", "one"], cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=100, env=os.environ | {"SLUICE_MAX_SIMD": "avx9"})
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (1, (
            "error       one/test_data_set_0: SLUICE_MAX_SIMD is 'avx9': SSE4, AVX2 and AVX512 are known")))

    def test_names_that_collide_are_paths(self):
        for name in ("add/1", "digits/1", "digits/2"):
            self.copy(name)
        found = self.check("add/1", "digits")[1]
        self.assertEqual([case for case, _ in found], ["add/1", "digits/1", "2"])

    def test_onednn_runs_on_the_engines_threads(self):
        self.copy("one")
        done = subprocess.run([SLUICE, "check", "one"], cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=100, env=os.environ | {"LD_DEBUG": "bindings"})
        self.assertEqual(done.returncode, 0)
        found = {name: library for library, name in re.findall(
            r"binding file \S*libdnnl\S* \[0\] to (\S+) \[0\]: normal symbol `((?:GOMP|omp)_\w+)'", done.stderr)}
        self.assertIn("GOMP_parallel", found)
        self.assertEqual({pathlib.Path(library).name for library in found.values()}, {"libsluice_engine.so"}, found)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
