"""What docs/protocols/model_config.md calls taken, through the real engine: each field changes what a worker does
or what clients are held to, and what has no effect is told."""
import pytest

from cluster import REAL_ENGINE, Client, Cluster, wait_until

onnx = pytest.importorskip("onnx", reason="NOT RUN: python3-onnx is not installed")
np = pytest.importorskip("numpy", reason="NOT RUN: python3-numpy is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")

WEIGHTS = np.linspace(-1, 1, 40, dtype=np.float32).reshape(8, 5)
X = [1.0, 2, 3, 4, 5, 6, 7, 8]
Y = (np.array(X, dtype=np.float32) @ WEIGHTS).tolist()


def model():
    """y = x w; positive = relu(y)."""
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["positive"])],
        "configured", [helper.make_tensor_value_info("x", floats, ["n", 8])],
        [helper.make_tensor_value_info(name, floats, ["n", 5]) for name in ("y", "positive")],
        [numpy_helper.from_array(WEIGHTS, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


def rows_mixed():
    """Normalises over the batch: its rows do not stand apart."""
    floats = TensorProto.FLOAT
    graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["y"], axis=0)], "mixed",
                              [helper.make_tensor_value_info("x", floats, ["n", 8])],
                              [helper.make_tensor_value_info("y", floats, ["n", 8])])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


CONFIGS = {
    "plain": "",
    "file": 'default_model_filename: "weights.onnx"',
    "outputs": 'output { name: "positive" data_type: TYPE_FP32 dims: [-1, 5] }',
    "tighter": 'input { name: "x" data_type: TYPE_FP32 dims: [2, 8] }',
    "rows": 'max_batch_size: 4',
    "reshaped": 'max_batch_size: 4 '
                'input { name: "x" data_type: TYPE_FP32 dims: [2, 4] reshape { shape: [8] } } '
                'output { name: "y" data_type: TYPE_FP32 dims: [5, 1] reshape { shape: [5] } } '
                'output { name: "positive" data_type: TYPE_FP32 dims: [5] }',
    "one": 'instance_group { count: 1 }',
    "sum": 'instance_group { count: 1 kind: KIND_CPU } instance_group { count: 1 }',
    "cut": 'instance_group { count: 256 }',
    "warmed": 'model_warmup { name: "long" batch_size: 1 count: 7 inputs { key: "x" value { '
              'data_type: TYPE_FP32 dims: [1, 8] input_data_file: "eight" } } }',
    "mixed": 'max_batch_size: 8 dynamic_batching { }',
    "noted": 'optimization { priority: PRIORITY_MAX } response_cache { enable: true }',
    "labelled": 'max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 1000 } '
                'output { name: "y" data_type: TYPE_FP32 dims: [5] label_filename: "names/five.txt" } '
                'output { name: "positive" data_type: TYPE_FP32 dims: [5] }',
    "tagged": 'metric_tags { key: "team" value: "a \\"quoted\\" one" } metric_tags { key: "tier" value: "2" }',
    "mistagged": 'metric_tags { key: "the-team" value: "x" }',
    "unlabelled": 'output { name: "y" data_type: TYPE_FP32 dims: [-1, 5] label_filename: "absent.txt" }',
    "foreign": 'backend: "tensorrt"',
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    root = tmp_path_factory.mktemp("configured") / "models"
    for name, config in CONFIGS.items():
        (root / name / "1").mkdir(parents=True)
        content = rows_mixed() if name == "mixed" else model()
        (root / name / "1" / ("weights.onnx" if name == "file" else "model.onnx")).write_bytes(content)
        (root / name / "config.pbtxt").write_text(config)
    (root / "warmed" / "warmup").mkdir()
    (root / "warmed" / "warmup" / "eight").write_bytes(np.array(X, dtype=np.float32).tobytes())
    (root / "labelled" / "names").mkdir()
    (root / "labelled" / "names" / "five.txt").write_bytes("zero\r\n\r\ntwo: é\r\nthree".encode())
    with Cluster(root, "--strict-readiness=false", stub=False) as running:
        for name in CONFIGS:
            if name not in ("foreign", "mistagged", "unlabelled"):
                wait_until(lambda n=name: running.call("GET", f"/v2/models/{n}/ready").status == 200, 60, name)
        yield running


def tensors(cluster, name, kind):
    metadata = cluster.call("GET", f"/v2/models/{name}").json()
    return {each["name"]: each["shape"] for each in metadata[kind]}


def ask(cluster, name, shape=(1, 8)):
    count = int(np.prod(shape))
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": list(shape), "data": (X * count)[:count]}]}
    answer = cluster.call("POST", f"/v2/models/{name}/infer", body)
    if answer.status != 200:
        return answer.status, answer.json()["error"]
    return answer.status, {each["name"]: (each["shape"], each["data"]) for each in answer.json()["outputs"]}


def expect_y(answer, shape):
    assert answer[0] == 200, answer
    assert answer[1]["y"][0] == list(shape)
    assert np.allclose(answer[1]["y"][1], Y * (int(np.prod(shape)) // 5), atol=1e-4)


def notes(cluster, name):
    return [line["note"] for line in cluster.log_lines("configuration_note") if line["model"] == name]


def test_nothing_said_leaves_the_model_as_it_is(cluster):
    assert tensors(cluster, "plain", "inputs") == {"x": [-1, 8]}
    assert tensors(cluster, "plain", "outputs") == {"y": [-1, 5], "positive": [-1, 5]}
    expect_y(ask(cluster, "plain", (6, 8)), (6, 5))


def test_default_model_filename(cluster):
    expect_y(ask(cluster, "file"), (1, 5))


def test_outputs_are_those_that_are_named(cluster):
    assert tensors(cluster, "outputs", "outputs") == {"positive": [-1, 5]}
    status, outputs = ask(cluster, "outputs")
    assert status == 200 and list(outputs) == ["positive"]
    assert np.allclose(outputs["positive"][1], np.maximum(Y, 0), atol=1e-4)


def test_dims_hold_clients_to_them(cluster):
    assert tensors(cluster, "tighter", "inputs")["x"] == [2, 8]
    expect_y(ask(cluster, "tighter", (2, 8)), (2, 5))
    status, error = ask(cluster, "tighter", (3, 8))
    assert status == 400 and "Expected [2,8], got [3,8]" in error


def test_max_batch_size(cluster):
    assert tensors(cluster, "rows", "inputs") == {"x": [-1, 8]}
    expect_y(ask(cluster, "rows", (4, 8)), (4, 5))
    status, error = ask(cluster, "rows", (5, 8))
    assert status == 400 and "batch-size must be <= 4" in error


def test_reshape(cluster):
    assert tensors(cluster, "reshaped", "inputs") == {"x": [-1, 2, 4]}
    assert tensors(cluster, "reshaped", "outputs") == {"y": [-1, 5, 1], "positive": [-1, 5]}
    expect_y(ask(cluster, "reshaped", (3, 2, 4)), (3, 5, 1))
    assert ask(cluster, "reshaped", (3, 8))[0] == 400


def test_instances_of_all_groups_are_a_workers_executors(cluster):
    status = cluster.status()
    cpus = status["nodes"][0]["cpus"]
    share = -(-cpus // len(status["workers"]))  # of these there are more than CPUs, or nearly
    for name, instances in (("plain", share), ("one", 1), ("sum", 2), ("cut", 256)):
        command = cluster.processes_left()[cluster.worker(name)["pid"]].split()
        executors = int(command[command.index("--executors") + 1])
        assert executors == min(instances, cpus), name
        assert (executors < instances) == any("cut to the worker's" in note for note in notes(cluster, name))


def classes(cluster, name, output, rows, binary=False):
    """The best three of each row."""
    asked = {"name": output, "parameters": {"classification": 3, "binary_data": binary}}
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [rows, 8], "data": X * rows}], "outputs": [asked]}
    answer = cluster.call("POST", f"/v2/models/{name}/infer", body)
    assert answer.status == 200, answer
    if not binary:
        found = answer.json()["outputs"][0]
        assert found["datatype"] == "BYTES" and found["shape"] == [rows, 3]
        return found["data"]
    blob, texts = answer.body[int(answer.headers["inference-header-content-length"]):], []
    while blob:
        size = int.from_bytes(blob[:4], "little")
        texts.append(blob[4:4 + size].decode())
        blob = blob[4 + size:]
    return texts


def test_label_filename(cluster):
    names = ["zero", "", "two: é", "three", ""]
    best = sorted(range(5), key=lambda index: -Y[index])[:3]
    for rows in (1, 3):
        for binary in (False, True):
            found = classes(cluster, "labelled", "y", rows, binary)
            assert [text.split(":", 1)[1] for text in found] == [
                f"{index}:{names[index]}" if names[index] else str(index) for index in best] * rows
    assert all(text.count(":") == 1 for text in classes(cluster, "labelled", "positive", 1))
    assert notes(cluster, "labelled") == []


def test_label_filename_of_a_file_that_is_not_there(cluster):
    reason = "output 'y': label_filename 'absent.txt': No such file or directory"
    answer = ask(cluster, "unlabelled")
    assert answer[0] == 503 and reason in answer[1], answer
    index = {each["name"]: each for each in cluster.call("POST", "/v2/repository/index").json()}
    assert index["unlabelled"]["state"] == "UNAVAILABLE" and reason in index["unlabelled"]["reason"]


def test_metric_tags(cluster):
    expect_y(ask(cluster, "tagged"), (1, 5))
    tags = ',_team="a \\"quoted\\" one",_tier="2"'

    def tagged():
        page = Client(cluster.address("metrics")).call("GET", "/metrics").body.decode().splitlines()
        series = [line for line in page if 'model="tagged"' in line]
        return series if series and all(tags in line for line in series) else None
    series = wait_until(tagged, what="the tags")
    for family in ("sluice_requests_total", "sluice_worker_state", "sluice_request_seconds_bucket",
                   "sluice_request_seconds_sum", "sluice_in_flight"):
        assert any(line.startswith(family + "{") for line in series), family
    page = Client(cluster.address("metrics")).call("GET", "/metrics").body.decode().splitlines()
    assert not any("_team" in line for line in page if 'model="tagged"' not in line)
    index = {each["name"]: each for each in cluster.call("POST", "/v2/repository/index").json()}
    assert "metric_tags: key 'the-team' makes no label" in index["mistagged"]["reason"]


def test_what_has_no_effect_is_told(cluster):
    assert any("graph is not known to keep rows apart" in note for note in notes(cluster, "mixed"))
    told = " ".join(notes(cluster, "noted"))
    for field in ("optimization.priority", "response_cache.enable"):
        assert f"{field} has no effect" in told
    assert notes(cluster, "plain") == []


def test_what_would_mean_something_else_is_refused(cluster):
    index = {each["name"]: each for each in cluster.call("POST", "/v2/repository/index").json()}
    assert index["foreign"]["state"] == "UNAVAILABLE"
    assert "backend 'tensorrt' is not offered here" in index["foreign"]["reason"]
