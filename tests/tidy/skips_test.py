""".ci/test over a made-up build folder, with the real ctest, pytest and GoogleTest's words: what was skipped stands in
its last lines, with the reason."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

CI = pathlib.Path(__file__).resolve().parents[2] / ".ci"
CONFTEST = CI.parent / "tests" / "system" / "conftest.py"

GOOGLETEST = """\
[ RUN      ] Nginx.AnswersAsListed
tests/nginx_test.cc:90: Skipped
NOT TESTED: /usr/sbin/nginx is not installed

[  SKIPPED ] Nginx.AnswersAsListed (0 ms)
[ RUN      ] Nginx.Passes
[       OK ] Nginx.Passes (0 ms)
[ RUN      ] Models/RealModel.Answers/1
tests/models_test.cc:36: Skipped


[  SKIPPED ] Models/RealModel.Answers/1, where GetParam() = "x" (0 ms)
[ RUN      ] Simulation.OneSeed
tests/sim_test.cc:129: Skipped
BY DESIGN: no seed to replay

[  SKIPPED ] Simulation.OneSeed (0 ms)
[  SKIPPED ] 3 tests, listed below:
[  SKIPPED ] Nginx.AnswersAsListed
"""

SOME = """\
import pytest

@pytest.mark.parametrize("n", range(2))
@pytest.mark.skipif(True, reason="NOT RUN: needs root")
def test_skipped(n):
    pass

def test_passes():
    pass
"""

ALL = """\
import pytest
pytest.importorskip("a_package_that_is_not_there", reason="python3-missing is not installed")

def test_never():
    pass
"""


class Skips(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-skips-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(CI, self.folder / ".ci")
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "cmake").write_text("#!/bin/sh\nexit 0\n")
        (programs / "cmake").chmod(0o755)
        self.environment = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        self.tests = {"release": [], "asan": []}

    def add(self, preset, name, command, properties=""):
        self.tests[preset].append(f"add_test([=[{name}]=] {command})\n"
                                  f"set_tests_properties([=[{name}]=] PROPERTIES LABELS unit {properties})\n")

    def add_file(self, preset, name, text, command, properties=""):
        path = self.folder / name
        path.write_text(text)
        self.add(preset, name, f"{command} [=[{path}]=]", properties)

    def run_presets(self):
        for preset, tests in self.tests.items():
            build = self.folder / "build" / preset
            build.mkdir(parents=True)
            (build / "CTestTestfile.cmake").write_text("".join(tests))
        ran = subprocess.run(["bash", self.folder / ".ci" / "test", *self.tests], env=self.environment,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=100)
        lines = ran.stdout.splitlines()
        total = next(i for i, line in enumerate(lines) if line.startswith("total: "))
        return ran.returncode, lines[total + 1:]

    def test_every_kind_of_skip_is_named_and_counted(self):
        self.add_file("release", "nginx_test", "x\n" * 5000 + GOOGLETEST, "cat")
        self.add("release", "suite_models", "sh -c [=[echo 'SKIPPED: no models here'; exit 77]=]",
                 "SKIP_RETURN_CODE 77")
        (self.folder / "conftest.py").write_text(CONFTEST.read_text())
        pytest = "/usr/bin/python3 -m pytest -q -p no:cacheprovider"
        self.add_file("release", "test_some.py", SOME, pytest, "SKIP_RETURN_CODE 5")
        self.add_file("asan", "test_all.py", ALL, pytest, "SKIP_RETURN_CODE 5")
        self.add("asan", "quiet", "sh -c [=[exit 77]=]", "SKIP_RETURN_CODE 77")
        code, last = self.run_presets()
        self.assertEqual(code, 0, last)
        self.assertEqual(sorted(last[:-2]), [
            "skipped: asan: quiet: no reason given (notrun)",
            "skipped: asan: test_all.py: test_all.py:2: python3-missing is not installed",
            "skipped: release: nginx_test: Models/RealModel.Answers/1: no reason given",
            "skipped: release: nginx_test: Nginx.AnswersAsListed: NOT TESTED: /usr/sbin/nginx is not installed",
            "skipped: release: suite_models: no models here",
            "skipped: release: test_some.py: test_some.py:3: NOT RUN: needs root (2 tests)"])
        self.assertEqual(last[-2:], ["7 skipped (see above)", "2 passed, 0 failed"])

    def test_where_nothing_is_skipped_nothing_is_said_of_it(self):
        self.add("release", "good", "true")
        self.add("asan", "bad", "sh -c [=[echo '[ RUN      ] A.B'; echo '[  FAILED  ] A.B'; exit 1]=]")
        self.assertEqual(self.run_presets(), (1, ["1 passed, 1 failed"]))

    def test_results_that_cannot_be_read_are_a_failure(self):
        self.add("release", "good", "true")
        self.add("asan", "good", "true")
        (self.folder / ".ci" / "skips").write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(self.run_presets(), (1, ["what was skipped cannot be read", "2 passed, 1 failed"]))


if __name__ == "__main__":
    unittest.main()
