"""Rollouts by steps on real processes: versions that go wrong only on real requests are rolled back at their
first step and the command says why; a pause holds a rollout where it is; blue-green goes back by a switch."""
import itertools
import subprocess

import pytest

from cluster import ECHO, SLOW, SLUICE, Cluster, Load, wait_until
from rollout import add_version, rollout_state, served, version_state, wait_rollout

X = 7  # the first element of each request: what the new version makes of it
FIRST_STEP = 10
TIMEOUT_MS = 400 * SLOW
# What version 2 does, what each request's first element is, and what the reason names.
BAD = {
    "errors": (dict(ECHO, fail_on=X), X, "server errors: the new version answered "),
    "hangs": (dict(ECHO, sleep_ms="input"), 3_600_000, "server errors: the new version answered "),
    "crashes": (dict(ECHO, abort_on=X), X, "crashes: the new version's workers died "),
}
POLICY = "version_policy { specific { versions: 1 } }\n"


def sluice(cluster, *arguments):
    return subprocess.run([SLUICE, *arguments, "--url", f"http://{cluster.address()}"], capture_output=True,
                          text=True, timeout=120 * SLOW, check=False)


def repository(root, behaviour):
    """Two versions, of which the policy wants the first."""
    add_version(root, "echo", 1, ECHO)
    add_version(root, "echo", 2, behaviour)
    (root / "echo" / "config.pbtxt").write_text(POLICY)
    return root


def asks(x):
    """Each body is its own, so that one that is quarantined takes no other with it."""
    count = itertools.count()
    return lambda client: client.infer("echo", [x, next(count), 0, 0], timeout_us=int(TIMEOUT_MS * 1000))


def version_of(answer):
    return (answer.headers["Sluice-Model"] or "/").split("/")[1]


def steps(cluster):
    return [one["detail"] for one in cluster.log_lines("model_event") if one["what"] == "rollout_step"]


@pytest.mark.parametrize("name", BAD)
def test_a_version_that_goes_wrong_on_real_requests_is_rolled_back_at_its_first_step(tmp_path, name):
    behaviour, x, words = BAD[name]
    with Cluster(repository(tmp_path, behaviour)) as cluster:
        cluster.wait_ready()
        pid = cluster.worker("echo")["pid"]
        with Load(cluster, 8, asks(x)) as load:
            wait_until(lambda: len(load.answers) > 50, what="load")
            # A hold that nobody waits for: the guard is what ends it.
            done = sluice(cluster, "rollout", "echo", "--to", "2", "--steps", f"{FIRST_STEP},100", "--hold", "10m")
            seen = len(load.answers)
            wait_until(lambda: len(load.answers) > seen + 200, what="answers after it")
        assert done.returncode == 1, done
        assert "rolled back: version 2: " + words in done.stderr, done.stderr
        assert "the old one" in done.stderr
        assert not load.errors, load.errors

        assert steps(cluster) == [f"{FIRST_STEP} percent"]
        by_new = [answer for answer in load.answers if version_of(answer) == "2"]
        assert len(by_new) <= len(load.answers) * FIRST_STEP / 100 + 2, (len(by_new), len(load.answers))
        assert {a.status for a in by_new} <= {"errors": {500}, "hangs": {504}, "crashes": set()}[name]
        assert len(by_new) >= (0 if name == "crashes" else 5)

        failed = version_state(cluster, "echo", 2)
        assert failed["state"] == "failed" and words in failed["reason"], failed
        assert served(cluster, "echo") == 1
        assert cluster.worker("echo")["pid"] == pid, "the old version was never touched"
        after = cluster.infer("echo", [1, 2, 3, 4])
        assert after.status == 200 and version_of(after) == "1"


def test_a_pause_holds_a_rollout_where_it_is(tmp_path):
    hold = 2000 * SLOW
    with Cluster(repository(tmp_path, dict(ECHO, load_ms=int(1000 * SLOW)))) as cluster:
        cluster.wait_ready()
        begun = sluice(cluster, "rollout", "echo", "--to", "2", "--steps", "25,100", "--hold", f"{hold:.0f}ms",
                       "--no-wait")
        assert begun.returncode == 0, begun
        paused = sluice(cluster, "rollout", "pause", "echo")
        assert paused.returncode == 0 and "paused" in paused.stdout, paused
        wait_until(lambda: version_state(cluster, "echo", 2)["state"] == "standby", what="version 2 is up")
        state = rollout_state(cluster, "echo")
        assert (state["phase"], state["paused"]) == ("starting", True), state
        assert {version_of(cluster.infer("echo", [1, 2, 3, 4])) for _ in range(100)} == {"1"}

        assert sluice(cluster, "rollout", "resume", "echo").returncode == 0
        wait_until(lambda: rollout_state(cluster, "echo")["percent"] == 25, what="the first step")
        assert sluice(cluster, "rollout", "pause", "echo").returncode == 0
        wait_until(lambda: rollout_state(cluster, "echo")["since_ms"] > 1.5 * hold, what="a hold's time and more")
        state = rollout_state(cluster, "echo")
        assert (state["phase"], state["step"], state["percent"]) == ("shifting", 1, 25), state
        assert {version_of(cluster.infer("echo", [1, 2, 3, 4])) for _ in range(100)} == {"1", "2"}
        again = sluice(cluster, "rollout", "pause", "echo")
        assert again.returncode == 1 and "paused already" in again.stderr, again

        assert sluice(cluster, "rollout", "resume", "echo").returncode == 0
        assert wait_rollout(cluster, "echo")["phase"] == "done"
        assert steps(cluster) == ["25 percent"]
        assert served(cluster, "echo") == 2


def test_blue_green_keeps_the_old_version_and_a_rollback_is_a_switch(tmp_path):
    with Cluster(repository(tmp_path, ECHO)) as cluster:
        cluster.wait_ready()
        old = cluster.worker("echo")["pid"]
        with Load(cluster, 2, lambda client: client.infer("echo", [1, 2, 3, 4])) as load:
            done = sluice(cluster, "rollout", "echo", "--to", "2", "--strategy", "blue-green")
            assert done.returncode == 0, done
            wait_until(lambda: version_state(cluster, "echo", 1)["state"] == "standby", what="version 1 stands by")
            wait_until(lambda: version_of(load.answers[-1]) == "2", what="answers by version 2")
            back = sluice(cluster, "rollback", "echo")
            assert back.returncode == 0, back
            wait_until(lambda: version_of(load.answers[-1]) == "1", what="answers by version 1")
        assert {answer.status for answer in load.answers} == {200} and not load.errors
        assert served(cluster, "echo") == 1
        worker = next(w for w in cluster.workers("echo") if w["version"] == "1")
        assert (worker["pid"], worker["restarts"]) == (old, 0), "it was never started again"
