""".ci/install on machines that are made up: each has only the programs that a test puts in its PATH,
which write down how they were called. Nothing is installed and nothing outside is touched."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / ".ci" / "install"
APT = "apt-get -y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"


class Machine:
    def __init__(self, installed=(), user=0):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-install-"))
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        self.calls_file = self.folder / "calls"
        ci = self.folder / ".ci"
        ci.mkdir()
        # Debian's switch for services: this machine's own must not matter, nor be touched.
        self.policy = self.folder / "policy-rc.d"
        text = SCRIPT.read_text()
        assert text.count("/usr/sbin/policy-rc.d") == 1
        (ci / "install").write_text(text.replace("/usr/sbin/policy-rc.d", str(self.policy)))
        (ci / "packages-build.txt").write_text("# a comment\n\nmake     # what for\ncmake\n")
        (ci / "packages-test.txt").write_text("curl\n")
        for real in ("bash", "dirname", "env"):
            (self.programs / real).symlink_to(shutil.which(real))
        (self.folder / "installed").write_text("\n".join(installed) + "\n")
        self.program("dpkg-query", f'while read -r name; do [ "$name" != "${{@: -1}}" ] || '
                                   f'{{ echo -n installed; exit 0; }}; done <{self.folder}/installed; exit 1',
                     logged=False)
        self.program("id", f"echo {user}", logged=False)
        for quiet in ("apt-get", "sleep", "rm", "sh", "systemctl"):
            self.program(quiet, "exit 0")

    def program(self, name, body, logged=True):
        log = f'echo "{name} $*" >>{self.calls_file}\n' if logged else ""
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{log}{body}\n")
        path.chmod(0o755)

    def sudo(self, works):
        # As the real one: its own options, then the command.
        self.program("sudo", '[ "$1" != -n ] || shift; exec "$@"' if works else "exit 1")
        self.program("true", "exit 0", logged=False)

    def run(self, *arguments):
        ran = subprocess.run([str(self.programs / "bash"), str(self.folder / ".ci" / "install"), *arguments],
                             env={"PATH": str(self.programs)}, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False, timeout=60)
        calls = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return ran.returncode, ran.stdout + ran.stderr, calls


def apt(calls):
    return [c for c in calls if c.startswith("apt-get")]


class Install(unittest.TestCase):
    def machine(self, **facts):
        machine = Machine(**facts)
        self.addCleanup(shutil.rmtree, machine.folder)
        return machine

    def test_nothing_is_done_where_nothing_is_missing(self):
        machine = self.machine(installed=["make", "cmake", "curl"], user=1000)
        self.assertEqual(machine.run("build", "test"), (0, "", []))
        self.assertEqual(machine.run("--have", "build", "test"), (0, "", []))

    def test_have_only_asks(self):
        machine = self.machine(installed=["make", "cmake"])
        self.assertEqual(machine.run("--have", "build"), (0, "", []))
        self.assertEqual(machine.run("--have", "build", "test"), (1, "", []))

    def test_root_installs_what_is_missing_and_no_service_starts(self):
        machine = self.machine(installed=["cmake"])
        code, said, calls = machine.run("build", "test")
        self.assertEqual(code, 0, said)
        self.assertIn("missing packages: make curl", said)
        self.assertEqual(apt(calls), [f"{APT} update -o APT::Update::Error-Mode=any",
                                      f"{APT} install --no-install-recommends make curl"])
        self.assertTrue(calls[0].startswith("sh -c printf") and f">{machine.policy}" in calls[0], calls)
        self.assertEqual(calls[-1], f"rm -f {machine.policy}")

    def test_a_policy_that_is_there_stays(self):
        machine = self.machine()
        machine.policy.write_text("somebody's own")
        code, said, calls = machine.run("test")
        self.assertEqual(code, 0, said)
        self.assertEqual([c for c in calls if c.startswith(("sh", "rm"))], [])
        self.assertEqual(machine.policy.read_text(), "somebody's own")

    def test_a_user_goes_through_sudo_without_a_password_when_nobody_could_type_one(self):
        machine = self.machine(user=1000)
        machine.sudo(works=True)
        code, said, calls = machine.run("test")
        self.assertEqual(code, 0, said)
        self.assertEqual(calls[0], "sudo -n true")
        self.assertIn(f"sudo -n env DEBIAN_FRONTEND=noninteractive {APT} install --no-install-recommends curl",
                      calls)
        self.assertEqual(len(apt(calls)), 2)

    def test_a_user_without_sudo_is_told_what_to_type(self):
        code, said, calls = self.machine(user=1000).run("build")
        self.assertEqual((code, calls), (1, []))
        self.assertIn("not root, and there is no sudo. As root: apt-get install make cmake", said)

    def test_a_user_whom_sudo_refuses_is_told_what_to_type(self):
        machine = self.machine(user=1000)
        machine.sudo(works=False)
        code, said, calls = machine.run("build")
        self.assertEqual((code, calls), (1, ["sudo -n true"]))
        self.assertIn("sudo did not let us in. As root: apt-get install make cmake", said)

    def test_without_a_network_it_tries_three_times_and_then_says_so(self):
        machine = self.machine()
        machine.program("apt-get", "exit 100")
        code, said, calls = machine.run("test")
        self.assertEqual(code, 1)
        self.assertEqual([c for c in calls if c.startswith("sleep")], ["sleep 0", "sleep 5", "sleep 15"])
        self.assertEqual(len(apt(calls)), 4)
        self.assertIn("apt-get update failed three times: is there a network?", said)
        self.assertIn("Without a network install these yourself: curl", said)
        self.assertEqual(calls[-1], f"rm -f {machine.policy}")  # whatever happens

    def test_old_lists_do_when_the_update_fails(self):
        machine = self.machine()
        machine.program("apt-get", '[[ " $* " != *" update "* ]]')
        code, said, calls = machine.run("test")
        self.assertEqual(code, 0, said)
        self.assertTrue(apt(calls)[-1].endswith("install --no-install-recommends curl"))

    def test_an_update_that_works_at_last_is_enough(self):
        machine = self.machine()
        (machine.folder / "n").write_text("0")
        machine.program("apt-get", f'[[ " $* " == *" update "* ]] || exit 0\n'
                                   f'n=$(<{machine.folder}/n); echo $((n + 1)) >{machine.folder}/n; [ "$n" -ge 1 ]')
        code, said, calls = machine.run("test")
        self.assertEqual(code, 0, said)
        self.assertEqual(len(apt(calls)), 3)
        self.assertNotIn("three times", said)

    def test_another_system_is_told_what_it_needs(self):
        machine = self.machine()
        (machine.programs / "dpkg-query").unlink()
        code, said, calls = machine.run("build")
        self.assertEqual((code, calls), (0, []))
        self.assertIn("not Debian or a relative of it; make sure that these are installed: make cmake", said)
        self.assertEqual(machine.run("--have", "build"), (0, "", []))


if __name__ == "__main__":
    unittest.main()
