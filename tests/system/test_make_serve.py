"""`make serve` as a user types it, with the build already there: what it says when it serves and when it cannot."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import uuid

import pytest

from cluster import REAL_ENGINE, SLOW, SLUICE, SOURCE_DIR, Client, marked, wait_until

pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")


class Clone:
    """The parts of the repository that `make serve` needs, and nothing to install or to build."""

    def __init__(self, folder):
        self.folder = folder
        self.mark = uuid.uuid4().hex
        shutil.copy(SOURCE_DIR / "Makefile", folder)
        (folder / ".ci").mkdir()
        shutil.copy(SOURCE_DIR / ".ci" / "serve", folder / ".ci")
        (folder / "build" / "release").mkdir(parents=True)
        (folder / "build" / "release" / "sluice").symlink_to(pathlib.Path(SLUICE).resolve())
        (folder / "cluster").symlink_to(SOURCE_DIR / "cluster")
        (folder / "bin").mkdir()
        for program in (folder / ".ci" / "install", folder / "bin" / "cmake"):
            program.write_text("#!/bin/sh\nexit 0\n")
            program.chmod(0o755)
        self.environment = dict(os.environ, SLUICE_TEST_MARK=self.mark,
                                PATH=f"{folder / 'bin'}:{os.environ['PATH']}")

    def arguments(self, http="127.0.0.1:0", metrics="127.0.0.1:0", run_dir=None):
        return ["make", "serve", f"HTTP={http}", f"METRICS={metrics}", f"RUN_DIR={run_dir or self.folder / 'run'}"]

    def refused(self, **where):
        done = subprocess.run(self.arguments(**where), cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=60 * SLOW)
        assert done.returncode != 0
        assert "curl" not in done.stdout, "nothing answers it"
        return done.stderr


@pytest.fixture
def clone(tmp_path):
    made = Clone(tmp_path)
    yield made
    try:
        wait_until(lambda: not marked(made.mark), 10, "the end of every process")
    finally:
        for pid in marked(made.mark):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield "127.0.0.1:%d" % listener.getsockname()[1]


@pytest.mark.parametrize("variable", ["HTTP", "METRICS"])
def test_a_taken_port_names_the_variable_that_helps(clone, taken, variable):
    said = clone.refused(**{variable.lower(): taken})
    port = taken.split(":")[1]
    assert re.search(rf"^sluice serve: port {port} on 127\.0\.0\.1 is taken \(.*\): "
                     rf"choose another: make serve {variable}=127\.0\.0\.1:\d+$", said, re.M), said


def test_an_address_that_is_none_is_called_by_its_variable(clone):
    assert "sluice serve: HTTP: " in clone.refused(http="nonsense")


def test_it_says_when_it_serves_and_a_second_one_needs_a_run_directory(clone):
    log = clone.folder / "log"
    with open(log, "wb") as output:
        running = subprocess.Popen(clone.arguments(), cwd=clone.folder, env=clone.environment, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: running.poll() is not None or re.search("^ready: ", log.read_text(), re.M), 60, "readiness")
        assert running.poll() is None, log.read_text()
        address = re.search(r"^listening http (\S+)$", log.read_text(), re.M)[1]
        assert Client(address).call("GET", "/v2/models/digits/ready").status == 200
        assert f"curl -s http://{address}/" in log.read_text()
        said = clone.refused()
        assert re.search("^sluice serve: .* uses the run directory .*: stop it, or "
                         "choose another: make serve RUN_DIR=FOLDER$", said, re.M), said
    finally:
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C
        running.wait(timeout=60 * SLOW)
