"""What a machine has, memory and CPUs, and how the workers on it share that."""
import json
import os
import re

import pytest

from cluster import ECHO, REAL_ENGINE, Cluster
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


def spread(count):
    """y = the mean of x[0] copied so many times: a file of a few hundred bytes, and a result of 4 * count between."""
    onnx = pytest.importorskip("onnx", reason="python3-onnx is not installed")
    helper = onnx.helper
    floats = onnx.TensorProto.FLOAT
    shape = helper.make_tensor("shape", onnx.TensorProto.INT64, [1], [count])
    graph = helper.make_graph(
        [helper.make_node("Expand", ["x", "shape"], ["copies"]),
         helper.make_node("ReduceMean", ["copies"], ["y"], axes=[0], keepdims=1)],
        "spread", [helper.make_tensor_value_info("x", floats, [1])],
        [helper.make_tensor_value_info("y", floats, [1])], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    return model.SerializeToString()


@pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
def test_a_version_that_takes_more_at_its_warm_up_than_its_files_say_is_ended_before_it_serves(tmp_path):
    limit, results = 400, 390  # MB: the engine may take them, the process with all that it has may not
    small, large = spread(4), spread(results * MB // 4)
    assert len(large) < 1000
    add_version(tmp_path, "spread", 1, small)
    # One executor: the engine itself would refuse a second one its results.
    (tmp_path / "spread" / "config.pbtxt").write_text("instance_group { count: 1 }\n")
    with Cluster(tmp_path, "--memory", str(limit * MB), stub=False) as cluster:
        cluster.wait_ready()
        before = cluster.worker("spread")
        add_version(tmp_path, "spread", 2, large)
        wait_until(lambda: rollout_state(cluster, "spread").get("phase") == "rolled_back", what="the refusal")
        reason = rollout_state(cluster, "spread")["reason"]
        said = re.fullmatch(r"version 2: it needs (\d+) MB of memory \(as measured at its warm-up\); node '\S+' has "
                            rf"(\d+) MB free of its limit of {limit} MB", reason)
        assert said and int(said[1]) >= results and int(said[2]) < limit, reason
        body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [3]}]}
        answer = cluster.call("POST", "/v2/models/spread/infer", body).json()
        assert (answer["model_version"], answer["outputs"][0]["data"]) == ("1", [3.0])
        assert cluster.worker("spread")["pid"] == before["pid"]
        assert cluster.call("POST", "/v2/models/spread/versions/2/infer", body).status == 503, "it never served"
        wait_until(lambda: len(cluster.workers("spread")) == 1, what="the end of its worker")
        assert cluster.status()["nodes"][0]["memory_taken"] < limit * MB


@pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
def test_what_is_more_than_a_nodes_workers_may_have_is_refused_before_it_is_taken(tmp_path):
    add_version(tmp_path, "spread", 1, spread(4))
    with Cluster(tmp_path, "--memory", str(400 * MB), stub=False) as cluster:
        cluster.wait_ready()
        add_version(tmp_path, "spread", 2, spread(500 * MB // 4))
        wait_until(lambda: rollout_state(cluster, "spread").get("phase") == "rolled_back", what="the refusal")
        assert rollout_state(cluster, "spread")["reason"] == (
            "version 2: made-up inputs: node 'copies' (Expand): intermediate results of these shapes need 500 MB of "
            "memory, 400 MB are allowed")


def test_models_that_start_together_divide_the_cpus_and_show_it(tmp_path):
    for model in ("a", "b", "wide"):
        add_version(tmp_path, model, 1, ECHO)
    (tmp_path / "wide" / "config.pbtxt").write_text("instance_group { count: 256 }\n")
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        cpus = cluster.status()["nodes"][0]["cpus"]
        assert 1 <= cpus <= len(os.sched_getaffinity(0))  # fewer where a control group allows less
        threads = {w["model"]: w["executors"] * w["threads"] for w in cluster.workers()}
        assert threads["wide"] == cpus, "who says how many gets them"
        shares = [cpus // 3 + (i < cpus % 3) for i in range(2)]
        assert (threads["a"], threads["b"]) == tuple(max(s, 1) for s in shares)
        for worker in cluster.workers():
            command = cluster.processes_left()[worker["pid"]].split()
            assert int(command[command.index("--executors") + 1]) == worker["executors"]
    with Cluster(tmp_path, "--threads", "1") as cluster:
        cluster.wait_ready()
        assert {(w["executors"], w["threads"]) for w in cluster.workers()} == {(1, 1)}


def test_a_rollout_leaves_a_model_its_cpus(tmp_path):
    for model in ("a", "b"):
        add_version(tmp_path, model, 1, ECHO)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        before = {w["model"]: (w["executors"], w["threads"]) for w in cluster.workers()}
        add_version(tmp_path, "a", 2, ECHO)
        wait_until(lambda: served(cluster, "a") == 2 and len(cluster.workers()) == 2, what="version 2 alone")
        assert {w["model"]: (w["executors"], w["threads"]) for w in cluster.workers()} == before
