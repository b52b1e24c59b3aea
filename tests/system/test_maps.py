"""Models whose input is a map (pipelines of scikit-learn that begin with a DictVectorizer), through the real engine:
a request has the keys as one tensor and the values as another."""
import json

import pytest

from cluster import REAL_ENGINE, Cluster

onnx = pytest.importorskip("onnx", reason="NOT RUN: python3-onnx is not installed")
from onnx import TensorProto, helper  # noqa: E402

pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")

FEATURES = ["age", "city=Bern", "city=Rome"]


def pipeline():
    """y = 2 (age - 40) / 10 + 3 [city=Bern] - [city=Rome] + 0.5."""
    ml = {"domain": "ai.onnx.ml"}
    row = onnx.TypeProto(map_type=onnx.TypeProto.Map(
        key_type=TensorProto.STRING, value_type=helper.make_tensor_type_proto(TensorProto.FLOAT, [1])))
    graph = helper.make_graph(
        [helper.make_node("DictVectorizer", ["row"], ["v"], string_vocabulary=FEATURES, **ml),
         helper.make_node("Scaler", ["v"], ["s"], offset=[40.0, 0, 0], scale=[0.1, 1, 1], **ml),
         helper.make_node("LinearRegressor", ["s"], ["y"], coefficients=[2.0, 3, -1], intercepts=[0.5], targets=1,
                          **ml)],
        "pipeline", [helper.make_value_info("row", row)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("maps") / "models"
    folder = root / "pipeline" / "1"
    recorded = folder / "test_data_set_0"
    recorded.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(pipeline())
    (recorded / "input_0.json").write_text(json.dumps({"age": 50, "city=Rome": 1}))
    (recorded / "output_0.pb").write_bytes(
        helper.make_tensor("y", TensorProto.FLOAT, [1, 1], [1.5]).SerializeToString())
    with Cluster(root, stub=False) as cluster:
        cluster.wait_ready()
        yield cluster


def answer(cluster, keys, values, datatype="FP32"):
    return cluster.call("POST", "/v2/models/pipeline/infer", {"inputs": [
        {"name": "row.keys", "datatype": "BYTES", "shape": [len(keys)], "data": keys},
        {"name": "row.values", "datatype": datatype, "shape": [len(values)], "data": values}]})


def test_metadata_names_the_two_tensors(served):
    assert served.call("GET", "/v2/models/pipeline").json()["inputs"] == [
        {"name": "row.keys", "datatype": "BYTES", "shape": [-1]},
        {"name": "row.values", "datatype": "FP32", "shape": [-1]}]


@pytest.mark.parametrize("row, y", [({"age": 50, "city=Rome": 1}, 1.5), ({"city=Bern": 1, "unseen": 7}, -4.5),
                                    ({}, -7.5)])
def test_entries_come_in_any_number_and_order(served, row, y):
    for keys in (list(row), list(reversed(row))):
        got = answer(served, keys, [row[key] for key in keys])
        assert got.status == 200, got.body
        assert got.json()["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [y]}]


@pytest.mark.parametrize("keys, values, datatype, words", [
    (["age"], [1, 2], "FP32", "2 values for 1 keys"),
    (["age", "age"], [1, 2], "FP32", "the key 'age' comes twice"),
    (["age"], [1], "INT64", "row.values"),
])
def test_what_is_no_map_is_a_400_that_says_why(served, keys, values, datatype, words):
    got = answer(served, keys, values, datatype)
    assert (got.status, words in got.json()["error"]) == (400, True), got.json()
    assert answer(served, ["age"], [40]).status == 200
