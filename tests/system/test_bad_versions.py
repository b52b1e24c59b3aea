"""New versions that are no good, put beside one that serves, under load: each is refused or rolled back
before a client was answered by it, the old one is untouched, and the reason is shown."""
import struct

import pytest

from cluster import ECHO, REAL_ENGINE, Cluster, wait_until
from rollout import (EXAMPLE, Load, add_version, check_ledger, echo_versions, rollout, rollout_state,
                     served, version_state, wait_rollout)

DIGITS = EXAMPLE / "digits"
GOOD = (DIGITS / "1" / "model.onnx").read_bytes()
LOAD = ("--swaps", "0", "--rate", "200", "--connections", "8")


def changed(change):
    """The example model with something changed in its protobuf."""
    onnx = pytest.importorskip("onnx", reason="python3-onnx is not installed")
    model = onnx.load_model_from_string(GOOD)
    change(model.graph)
    return model.SerializeToString()


def weight(graph, name):
    return next(w for w in graph.initializer if w.name == name)


def flip_a_bit(graph):
    """The highest exponent bit of one weight that every answer depends on: the file stays whole."""
    bias = weight(graph, "dense2.bias")
    values = struct.unpack("<10f", bias.raw_data)
    data = bytearray(bias.raw_data)
    data[4 * next(i for i, value in enumerate(values) if value > 0) + 3] ^= 0x40
    bias.raw_data = bytes(data)


def poison(graph):
    bias = weight(graph, "dense2.bias")
    bias.raw_data = struct.pack("<f", float("nan")) + bias.raw_data[4:]


def fix_the_batch(graph):
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def claim_a_terabyte(graph):
    dims = weight(graph, "dense1.weight").dims
    dims[0], dims[1] = 1 << 20, 1 << 18


KNOWN = DIGITS / "1" / "test_data_set_0"
# What makes the file, the recorded answers beside it, and what the reason names.
BAD = {
    "truncated": (lambda: GOOD[:len(GOOD) // 2], None, "model.onnx"),
    "bit_flipped": (lambda: changed(flip_a_bit), KNOWN, "known answer 'test_data_set_0': output 'digit'"),
    "nan_weights": (lambda: changed(poison), KNOWN, "known answer 'test_data_set_0': output"),
    "wrong_input_shape": (lambda: changed(fix_the_batch), None, "image"),
    "huge_claimed_size": (lambda: changed(claim_a_terabyte), None, "dense1.weight"),
    "wrong_answers": ((DIGITS / "2" / "model.onnx").read_bytes, KNOWN, "output 'probabilities'"),
}


def expect_refusal(cluster, model, load, words):
    state = wait_rollout(cluster, model)
    assert state["phase"] == "rolled_back", state
    version = wait_until(lambda: next(
        (v for v in [version_state(cluster, model, 2)] if v and v["state"] == "failed"), None),
        what="version 2 is failed")
    for reason in (state["reason"], version["reason"]):
        assert words in reason, reason
    assert served(cluster, model) == 1
    named = cluster.call("GET", f"/v2/models/{model}/versions/2/ready")
    assert named.status == 400 and words in named.json()["error"], named
    index = cluster.call("POST", "/v2/repository/index", {}).json()
    entry = next(e for e in index if e["name"] == model and e.get("version") == "2")
    assert entry["state"] == "UNAVAILABLE" and words in entry["reason"], entry
    load.process.send_signal(2)
    check_ledger(load.finish(), versions=(1,))
    print(state["reason"])


@pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_version_in_the_folder_harms_nobody(tmp_path, name):
    make, test_data, words = BAD[name]
    add_version(tmp_path, "digits", 1, DIGITS / "1")
    with Cluster(tmp_path, stub=False) as cluster:
        cluster.wait_ready()
        pid = cluster.worker("digits")["pid"]
        load = Load(cluster, "digits", *LOAD, "--seconds", "120")
        wait_until(lambda: cluster.worker("digits")["executed"] > 20, what="load")
        add_version(tmp_path, "digits", 2, make(), test_data)
        wait_until(lambda: rollout_state(cluster, "digits")["phase"] != "none", what="a rollout by the folder")
        expect_refusal(cluster, "digits", load, words)
        assert cluster.worker("digits")["pid"] == pid


def test_a_version_that_crashes_at_its_first_run_harms_nobody(tmp_path):
    echo_versions(tmp_path, 1)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        load = Load(cluster, "echo", *LOAD, "--seconds", "120")
        add_version(tmp_path, "echo", 2, dict(ECHO, abort_run=True))
        wait_until(lambda: rollout_state(cluster, "echo")["phase"] != "none", what="a rollout by the folder")
        wait_rollout(cluster, "echo", seconds=60)
        expect_refusal(cluster, "echo", load, "SIGABRT")


def test_an_operators_rollout_to_a_bad_version_says_why(tmp_path):
    echo_versions(tmp_path, 1)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        assert rollout(cluster, "echo", 1).status == 400
        missing = rollout(cluster, "echo", 7)
        assert missing.status == 404 and "1" in missing.json()["error"], missing
        add_version(tmp_path, "echo", 2, dict(ECHO, fail_load="no luck at all"))
        wait_until(lambda: rollout_state(cluster, "echo")["phase"] == "rolled_back", what="by the folder")
        assert rollout(cluster, "echo", 2).status == 200
        state = wait_rollout(cluster, "echo")
        assert state["phase"] == "rolled_back" and state["by"] == "operator", state
        assert "no luck at all" in state["reason"]
        assert served(cluster, "echo") == 1
        assert cluster.infer("echo", [1, 2, 3, 4]).status == 200


def test_the_files_of_this_test_are_what_they_say():
    pytest.importorskip("onnx", reason="python3-onnx is not installed")
    for name, (make, *_) in BAD.items():
        assert make() != GOOD, name
