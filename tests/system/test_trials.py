"""What a worker tries out before it is ready, through the real engine: versions that must never be served are
refused with a reason that a person can act on, and the good model beside them does not notice."""
import random

import pytest

from cluster import REAL_ENGINE, Cluster, wait_until

onnx = pytest.importorskip("onnx", reason="NOT RUN: python3-onnx is not installed")
np = pytest.importorskip("numpy", reason="NOT RUN: python3-numpy is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")

WEIGHTS = np.linspace(-1, 1, 40, dtype=np.float32).reshape(8, 5)


def linear(weights=WEIGHTS, extra=()):
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="fc"), *extra], "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17),
                                                    helper.make_opsetid("sluice.test", 1)])
    model.ir_version = 8
    return model


def put(root, name, content):
    folder = root / name / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content)
    return folder


def record(folder):
    """What the good weights answer, as ONNX's test cases keep it."""
    x = np.arange(16, dtype=np.float32).reshape(2, 8)
    (folder / "test_data_set_0").mkdir()
    for name, values in (("input_0.pb", x), ("output_0.pb", x @ WEIGHTS)):
        tensor = numpy_helper.from_array(values, "x" if name.startswith("input") else "y")
        (folder / "test_data_set_0" / name).write_bytes(tensor.SerializeToString())


def flipped(content, at):
    changed = bytearray(content)
    changed[at] ^= 0x40
    return bytes(changed)


def huge():
    """Eight bytes of shape that claim 2 TB of weights, in a file of its own with a hole in it."""
    model = linear()
    weight = model.graph.initializer[0]
    weight.Clear()
    weight.name, weight.data_type = "w", TensorProto.FLOAT
    weight.dims.extend([8, 1 << 36])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", str(1 << 41))):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def huge_input():
    model = linear()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1 << 40
    return model.SerializeToString()


def aborting():
    """Crashes at its first run, on the operator that the tests of the cluster have for it."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
         helper.make_node("Abort", ["h"], ["y"], name="crash", domain="sluice.test")], "aborting",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array([[1332]], dtype=np.float32), "w")])  # 0.5 x 1332 = 666
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17),
                                                    helper.make_opsetid("sluice.test", 1)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad") / "models"
    good = linear().SerializeToString()
    first_weight = good.index(WEIGHTS.tobytes())
    record(put(root, "good", good))
    put(root, "truncated", good[:len(good) // 2])
    put(root, "flipped_structure", flipped(good, good.index(b"MatMul")))
    record(put(root, "flipped_weight", flipped(good, first_weight + 3)))
    put(root, "garbage", random.Random(1).randbytes(1000))
    record(put(root, "nan_weights", linear(np.full_like(WEIGHTS, np.nan)).SerializeToString()))
    put(root, "nan_unproven", linear(np.full_like(WEIGHTS, np.nan)).SerializeToString())
    with open(put(root, "huge_weights", huge()) / "weights.bin", "wb") as hole:
        hole.truncate(1 << 41)
    put(root, "huge_input", huge_input())
    put(root, "absent_input", good)
    (root / "absent_input" / "config.pbtxt").write_text(
        'input { name: "image" data_type: TYPE_FP32 dims: [-1, 8] }\n')
    put(root, "wrong_shape", good)
    (root / "wrong_shape" / "config.pbtxt").write_text(
        'input { name: "x" data_type: TYPE_FP32 dims: [-1, 9] }\n')
    put(root, "wrong_type", good)
    (root / "wrong_type" / "config.pbtxt").write_text(
        'input { name: "x" data_type: TYPE_INT64 dims: [-1, 8] }\n')
    put(root, "bad_sample", good)
    (root / "bad_sample" / "config.pbtxt").write_text(
        'model_warmup { name: "from a file" batch_size: 1 inputs { key: "x" value { '
        'data_type: TYPE_FP32 dims: [2, 8] input_data_file: "gone" } } }\n')
    with Cluster(root, "--strict-readiness=false", stub=False) as cluster:
        yield cluster


def reasons(cluster):
    return {line["model"]: line["reason"] for line in cluster.log_lines("worker_state")
            if line["state"] == "failed"}


EXPECTED = {
    "truncated": "",  # in the reader's words, which depend on where the file ends
    "flipped_structure": "",
    "garbage": "",
    "flipped_weight": "known answer 'test_data_set_0': output 'y': ",
    "nan_weights": "known answer 'test_data_set_0': output 'y': ",
    "huge_weights": "MB of memory (by the size of its files); node ",
    "huge_input": "needs more bytes than a request may have",
    "absent_input": "input 'image' is not in the model, which has 'x'",
    "wrong_shape": "do not fit the model's [-1,8]",
    "wrong_type": "data_type INT64, the model has FP32",
    "bad_sample": "warm-up sample 'from a file'",
}


@pytest.mark.parametrize("model", EXPECTED)
def test_a_bad_version_is_refused_with_its_reason(served, model):
    reason = wait_until(lambda: reasons(served).get(model), 60, f"{model} fails")
    assert EXPECTED[model] in reason
    answer = served.call("POST", f"/v2/models/{model}/infer",
                         {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "data": [1] * 8}],
                          "parameters": {"timeout": 2_000_000}})
    assert answer.status in (404, 503, 504), answer


def test_the_good_one_beside_them_answers(served):
    answer = wait_until(lambda: (lambda a: a if a.status == 200 else None)(served.call(
        "POST", "/v2/models/good/infer",
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "data": [1] * 8}]})), 60)
    assert np.allclose(answer.json()["outputs"][0]["data"], WEIGHTS.sum(axis=0), atol=1e-5)


def test_numbers_that_nobody_recorded_are_told_when_they_are_not_finite(served):
    wait_until(lambda: served.call("GET", "/v2/models/nan_unproven/ready").status == 200, 60)
    assert [line["model"] for line in served.log_lines("probe_not_finite")] == ["nan_unproven"]


def test_one_that_crashes_at_its_first_run_is_never_ready(tmp_path):
    root = tmp_path / "models"
    put(root, "good", linear().SerializeToString())
    put(root, "crash", aborting())
    with Cluster(root, "--strict-readiness=false", "--test-operators", stub=False) as cluster:
        deaths = wait_until(lambda: [line for line in cluster.log_lines("worker_died")
                                     if "crash" in str(line)], 60)
        assert "signal 6" in deaths[0]["reason"]
        assert not [line for line in cluster.log_lines("worker_state")
                    if line["model"] == "crash" and line["state"] == "ready"]
        wait_until(lambda: cluster.call("GET", "/v2/models/good/ready").status == 200, 60)
