"""A node's memory: what does not fit is refused with numbers, and recreate makes room."""
import json

from cluster import ECHO, Cluster
from rollout import add_version, rollout, rollout_state, served, version_state, wait_rollout, wait_until

MB = 1 << 20
FILES = 1000  # MB of each version, far more than a worker takes besides
LIMIT = 1050  # MB: one by its size, and hardly anything beside it


def add_large_version(root, version):
    """A version whose files have FILES MB, nearly all of it a hole that nobody reads."""
    beside = root / "echo" / f".{version}.new"
    beside.mkdir(parents=True)
    (beside / "model.onnx").write_text(json.dumps(ECHO))
    with open(beside / "ballast", "wb") as file:
        file.truncate(FILES * MB)
    beside.rename(root / "echo" / str(version))


def test_what_does_not_fit_beside_the_old_is_refused_with_numbers_and_recreate_makes_room(tmp_path):
    add_large_version(tmp_path, 1)
    with Cluster(tmp_path, "--memory", str(LIMIT * MB)) as cluster:
        cluster.wait_ready()
        before = cluster.worker("echo")
        wait_until(lambda: 0 < cluster.status()["nodes"][0]["memory_taken"] < FILES * MB,
                   what="the measured memory in place of the estimate")
        assert cluster.status()["nodes"][0]["memory_limit"] == LIMIT * MB
        add_large_version(tmp_path, 2)
        wait_until(lambda: rollout_state(cluster, "echo")["phase"] == "rolled_back", what="the refusal")
        reason = rollout_state(cluster, "echo")["reason"]
        assert reason.startswith("version 2: it needs 1041 MB of memory (by the size of its files); node "), reason
        assert reason.endswith(f" MB free of its limit of {LIMIT} MB"), reason
        assert version_state(cluster, "echo", 2)["reason"] in reason
        assert cluster.worker("echo")["pid"] == before["pid"] and served(cluster, "echo") == 1

        assert rollout(cluster, "echo", 2, strategy="recreate").status in (200, 202)
        assert wait_rollout(cluster, "echo")["phase"] == "done"
        assert served(cluster, "echo") == 2
        # Both have been measured by now, and fit side by side.
        assert rollout(cluster, "echo", 1).status in (200, 202)
        assert wait_rollout(cluster, "echo")["phase"] == "done"


def test_a_model_that_is_too_large_by_itself_says_so_and_the_others_serve(tmp_path):
    add_large_version(tmp_path, 1)
    add_version(tmp_path, "small", 1, ECHO)
    with Cluster(tmp_path, "--memory", str(500 * MB), "--strict-readiness=false") as cluster:
        cluster.wait_ready()
        answer = wait_until(lambda: (a := cluster.infer("echo", [1, 2, 3, 4])).status == 503 and a, what="the 503")
        assert "it needs 1041 MB of memory" in answer.json()["error"], answer
        assert cluster.infer("small", [1, 2, 3, 4]).status == 200
