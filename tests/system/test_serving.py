"""The example models through the real engine, as a user calls them."""
import concurrent.futures
import json
import os
import shutil
import struct
import subprocess
import sys

import pytest

from cluster import REAL_ENGINE, SLUICE, SOURCE_DIR, Client, Cluster, wait_until

pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
EXAMPLE = SOURCE_DIR / "cluster/example"
PROTOCOL = SOURCE_DIR / "tests/protocol"


@pytest.fixture(scope="module")
def cluster():
    with Cluster(EXAMPLE, stub=False) as running:
        yield running.wait_ready()


def add_body(**more):
    row = {"datatype": "FP32", "shape": [1, 4]}
    return dict({"inputs": [dict(row, name="a", data=[1, 2, 3, 4]),
                            dict(row, name="b", data=[[0.5, 1.5, 2.5, 3.5]])]}, **more)


def test_add_by_json(cluster):
    answer = cluster.call("POST", "/v2/models/add/infer", add_body(id="seven"))
    assert answer.status == 200
    assert answer.headers["Sluice-Model"] == "add/1"
    assert answer.json() == {
        "id": "seven", "model_name": "add", "model_version": "1",
        "outputs": [{"name": "sum", "datatype": "FP32", "shape": [1, 4], "data": [1.5, 3.5, 5.5, 7.5]}]}


def test_add_by_the_binary_extension_both_ways(cluster):
    binary = {"parameters": {"binary_data_size": 16}}
    row = {"datatype": "FP32", "shape": [1, 4]}
    header = json.dumps({"inputs": [dict(row, name="b", **binary), dict(row, name="a", **binary)],
                         "outputs": [{"name": "sum", "parameters": {"binary_data": True}}]}).encode()
    body = header + struct.pack("<8f", 1, 2, 3, 4, 10, 20, 30, 40)
    answer = cluster.call("POST", "/v2/models/add/versions/1/infer", body,
                          {"Inference-Header-Content-Length": str(len(header))})
    assert answer.status == 200
    size = int(answer.headers["Inference-Header-Content-Length"])
    assert json.loads(answer.body[:size])["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert struct.unpack("<4f", answer.body[size:]) == (11, 22, 33, 44)


def test_nodes_start_the_small_executable(cluster):
    """`sluice` would do as well: nothing but a slower start would tell."""
    pid = cluster.worker("add")["pid"]
    assert os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "sluice-worker"


def test_health_and_metadata_are_true(cluster):
    assert cluster.call("GET", "/v2/health/live").status == 200
    assert cluster.call("GET", "/v2/models/add/ready").status == 200
    assert cluster.call("GET", "/v2/models/add/versions/7/ready").status == 404
    metadata = cluster.call("GET", "/v2/models/add").json()
    assert metadata["versions"] == ["1"]
    assert metadata["inputs"][0] == {"name": "a", "datatype": "FP32", "shape": [-1, 4]}
    assert cluster.call("GET", "/v2").json()["name"] == "sluice"
    wrong = cluster.call("GET", "/v2/models/none")
    assert wrong.status == 404 and "'none'" in wrong.json()["error"]


@pytest.mark.parametrize("listener, paths", [
    ("http", ["/v2", "/v2/health/live", "/v2/models/add", "/v2/models/none", "/graphpipe/add"]),
    ("metrics", ["/metrics", "/none"])])
def test_head_is_answered_like_get_without_the_body(cluster, listener, paths):
    client = Client(cluster.address(listener))  # one connection: a body would be taken for the next answer
    for path in paths:
        got, head = client.call("GET", path), client.call("HEAD", path)
        assert (head.status, head.body) == (got.status, b""), path
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        if path != "/metrics":  # which may have changed between the two
            assert head.headers["Content-Length"] == str(len(got.body)), path
    client.close()


def test_head_is_no_way_to_infer_nor_to_follow_events(cluster):
    for path, allowed in (("/v2/models/add/infer", "POST"), ("/sluice/events", "GET")):
        refused = cluster.call("HEAD", path)
        assert (refused.status, refused.headers["Allow"]) == (405, allowed)


def test_the_five_is_a_five(cluster):
    printed = subprocess.run([SLUICE, "infer", "digits", "--input", f"@{EXAMPLE}/five.png", "--url",
                              f"http://{cluster.address()}"], capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    digit = [line.split() for line in printed.stdout.splitlines() if line.startswith("digit ")]
    assert digit == [["digit", "int64", "[1]", "5"]], printed.stdout


def test_status_is_a_table_with_every_worker(cluster):
    printed = subprocess.run([SLUICE, "status", "--url", f"http://{cluster.address()}"],
                             capture_output=True, text=True, check=True).stdout
    for word in ("add", "digits", "ready"):
        assert word in printed


def test_metrics_count_requests_and_phases(cluster):
    before = cluster.metric("sluice_requests_total", model="add", code="ok")
    assert cluster.call("POST", "/v2/models/add/infer", add_body()).status == 200
    assert cluster.metric("sluice_requests_total", model="add", code="ok") == before + 1
    for phase in ("parse", "queue", "wait", "compute", "reply"):
        wait_until(lambda p=phase: cluster.metric("sluice_request_seconds_count", model="add",
                                                  phase=p) >= before + 1, what=phase)


@pytest.mark.parametrize("script", sorted(p.name for p in PROTOCOL.glob("client_*.py")))
def test_an_independent_client_gets_on_with_it(cluster, script):
    run_client(script, f"http://{cluster.address()}")


def run_client(script, *arguments):
    ran = subprocess.run([sys.executable, PROTOCOL / script, *arguments], capture_output=True, text=True,
                         check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_listener_of_one_model_speaks_graphpipe_at_its_root():
    with Cluster(EXAMPLE, "--graphpipe", "127.0.0.1:0", "--model", "add", stub=False) as cluster:
        cluster.wait_ready()
        alone = cluster.address("graphpipe")
        run_client("client_graphpipe.py", f"http://{alone}", "--alone")
        # It knows nothing else, and the main listener has lost nothing.
        page = Client(alone).call("GET", "/v2/models/digits")
        assert (page.status, page.json()["Name"]) == (200, "add")
        run_client("client_graphpipe.py", f"http://{cluster.address()}")


def put_test_operator(root, name):
    (root / name / "1").mkdir(parents=True)
    shutil.copy(SOURCE_DIR / "tests/data/test_operators" / name / "model.onnx", root / name / "1")


def wait_body(first):
    return {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 2], "data": [first, 7]}]}


def test_a_poison_request_in_the_real_engine_is_the_only_one_to_fail(tmp_path):
    put_test_operator(tmp_path, "abort")
    with Cluster(tmp_path, "--test-operators", stub=False) as cluster:
        cluster.wait_ready()
        before = cluster.worker("abort")

        def send(i):
            return cluster.call("POST", "/v2/models/abort/infer", wait_body(666 if i == 30 else i))

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(send, range(64)))
        failed = [i for i, a in enumerate(answers) if a.status != 200]
        assert failed == [30], [answers[i] for i in failed]
        assert answers[30].status == 500 and "error" in answers[30].json()
        for i, answer in enumerate(answers):
            assert i == 30 or answer.json()["outputs"][0]["data"] == [i, 7]
        after = wait_until(lambda: next((w for w in cluster.workers("abort") if w["state"] == "ready"), None))
        assert 1 <= after["restarts"] - before["restarts"] <= 2
        assert "signal 6" in after["reason"] or "SIGABRT" in after["reason"]
        assert send(30).status == 500  # known by now
        assert cluster.worker("abort")["restarts"] == after["restarts"]


def test_the_real_engine_lets_go_of_a_run_at_its_deadline(tmp_path):
    put_test_operator(tmp_path, "spin")
    with Cluster(tmp_path, "--test-operators", "--threads", "1", stub=False) as cluster:
        cluster.wait_ready()
        pid = cluster.worker("spin")["pid"]
        hour = dict(wait_body(3_600_000), parameters={"timeout": 300_000})
        assert cluster.call("POST", "/v2/models/spin/infer", hour).status == 504
        # The one executor is free again: the next request is computed, by the same process.
        answer = cluster.call("POST", "/v2/models/spin/infer", wait_body(1))
        assert answer.status == 200 and answer.json()["outputs"][0]["data"] == [1, 7], answer
        assert cluster.worker("spin")["pid"] == pid
        wait_until(lambda: cluster.metric("sluice_errors_total", kind="expired") == 1, what="its count")


def test_a_model_that_cannot_be_loaded_says_why_and_the_others_serve(tmp_path):
    add = (EXAMPLE / "add/1/model.onnx").read_bytes()
    broken = {"truncated": add[:len(add) // 2], "text": b"this is no model", "empty": b""}
    for name, content in dict(broken, add=add).items():
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "model.onnx").write_bytes(content)
    with Cluster(tmp_path, "--strict-readiness=false", stub=False) as cluster:
        wait_until(lambda: cluster.call("POST", "/v2/models/add/infer", add_body()).status == 200)
        for name in broken:
            failed = wait_until(lambda n=name: next(
                (m for m in cluster.status()["models"]
                 if m["name"] == n and m["state"] == "failed"), None), what=f"{name} fails")
            assert failed["reason"]
            answer = cluster.call("POST", f"/v2/models/{name}/infer", add_body())
            assert answer.status == 503, answer
            path = f"{tmp_path}/{name}/1/model.onnx"
            # The file without its folder; the folder is for who operates the server.
            assert path in failed["reason"]
            assert failed["reason"].replace(path, "model.onnx") in answer.json()["error"]
            assert str(tmp_path) not in answer.body.decode()
            assert path in cluster.workers(name)[0]["reason"]
            wait_until(lambda p=path: any(p in line["reason"] for line in cluster.log_lines("worker_died")))
        line = wait_until(lambda: next((x for x in cluster.log.splitlines() if x.startswith("ready:")), None))
        assert line.endswith(" serves add/1. Try:")
