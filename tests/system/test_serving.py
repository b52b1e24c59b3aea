"""The example models through the real engine, as a user calls them."""
import json
import struct
import subprocess
import sys

import pytest

from cluster import REAL_ENGINE, SLUICE, SOURCE_DIR, Cluster, wait_until

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


def test_the_five_is_a_five(cluster):
    printed = subprocess.run([SLUICE, "infer", "digits", "--input", f"@{EXAMPLE}/five.png", "--url",
                              f"http://{cluster.address()}"], capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    assert "5" in printed.stdout


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
    url = f"http://{cluster.address()}"
    ran = subprocess.run([sys.executable, PROTOCOL / script, url], capture_output=True, text=True,
                         check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


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
