"""A disk that is full or read-only under the state file: commands are refused in words, and nothing is half-done."""
import contextlib
import subprocess

import pytest

from cluster import ECHO, SLUICE, Cluster
from rollout import add_version, model_state, served, wait_until


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip("no small file system can be mounted here: " + mounted.stderr.strip())
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def command(cluster, *arguments):
    return subprocess.run([SLUICE, *arguments, "--url", f"http://{cluster.address()}"], capture_output=True,
                          text=True, timeout=60)


def check_refused(cluster, disk, words):
    """By the command and by the call alike; what served before and what is on the disk are as they were."""
    before = model_state(cluster, "echo")
    kept = (disk / "state.json").read_bytes()
    for arguments in (("unload", "echo"), ("rollout", "echo", "--to", "1"), ("load", "echo"), ("rollback", "echo")):
        refused = command(cluster, *arguments)
        assert refused.returncode == 1, arguments
        assert "what is decided cannot be kept" in refused.stderr and words in refused.stderr, refused
    refused = cluster.call("POST", "/v2/repository/models/echo/unload", {})
    assert refused.status == 503 and words in refused.json()["error"], refused
    assert str(disk) not in refused.json()["error"]
    assert model_state(cluster, "echo") == before
    assert cluster.infer("echo", [1, 2, 3, 4]).status == 200
    assert (disk / "state.json").read_bytes() == kept
    assert {entry.name for entry in disk.iterdir()} <= {"state.json", "ballast"}, "nothing half-written is left"


def test_a_full_and_a_read_only_disk_refuse_commands_and_leave_everything_as_it_is(tmp_path, small_disk):
    root = tmp_path / "models"
    add_version(root, "echo", 1, ECHO)
    add_version(root, "echo", 2, ECHO)
    with Cluster(root, "--state", str(small_disk / "state.json")) as cluster:
        cluster.wait_ready()
        wait_until((small_disk / "state.json").exists, what="the state file")
        fill(small_disk)
        check_refused(cluster, small_disk, "No space left on device")
        (small_disk / "ballast").unlink()
        remount(small_disk, "ro")
        check_refused(cluster, small_disk, "Read-only file system")
        remount(small_disk, "rw")
        assert command(cluster, "rollout", "echo", "--to", "1").returncode == 0
        assert served(cluster, "echo") == 1


def test_a_run_directory_that_cannot_be_made_is_said_at_the_start(small_disk):
    remount(small_disk, "ro")
    done = subprocess.run([SLUICE, "serve", "--http", "127.0.0.1:0", "--metrics", "", "--run-dir",
                           str(small_disk / "run")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr and str(small_disk / "run") in done.stderr, done.stderr
    assert not (small_disk / "run").exists()
