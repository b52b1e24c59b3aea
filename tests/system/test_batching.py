"""Requests that share a run of the engine get the answers they would get alone."""
import json
import struct
import subprocess
import threading
import time

import pytest

from cluster import REAL_ENGINE, SLOW, SOURCE_DIR, Client, Cluster

pytest.importorskip("onnx", reason="NOT RUN: python3-onnx is not installed")
np = pytest.importorskip("numpy", reason="NOT RUN: python3-numpy is not installed")
pytestmark = pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
MODEL = "mlp_784_256_10"
DELAY = 0.3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batching")
    subprocess.run(["/usr/bin/python3", SOURCE_DIR / "bench/engine/make_synthetic.py", "--out", folder,
                    MODEL], check=True, stdout=subprocess.DEVNULL)
    root = folder / "models"
    for name, config in (("alone", ""),
                         ("joined", "max_batch_size: 8 dynamic_batching { "
                                    f"max_queue_delay_microseconds: {int(DELAY * 1e6)} }}")):
        (root / name / "1").mkdir(parents=True)
        (root / name / "1" / "model.onnx").symlink_to(folder / MODEL / "model.onnx")
        (root / name / "config.pbtxt").write_text(config)
    with Cluster(root, "--threads", "1", stub=False) as running:
        yield running.wait_ready()


def ask(client, model, values):
    header = json.dumps({"inputs": [{"name": "input", "datatype": "FP32", "shape": list(values.shape),
                                     "parameters": {"binary_data_size": values.nbytes}}],
                         "parameters": {"binary_data_output": True}}).encode()
    answer = client.call("POST", f"/v2/models/{model}/infer", header + values.tobytes(),
                         {"Inference-Header-Content-Length": str(len(header))})
    if answer.status != 200:
        return answer
    size = int(answer.headers["Inference-Header-Content-Length"])
    count = len(answer.body[size:]) // 4
    return np.array(struct.unpack(f"<{count}f", answer.body[size:])).reshape(len(values), -1)


def at_once(cluster, model, inputs):
    """[(answer, seconds)] of requests that are sent together."""
    address = cluster.address()
    answers = [None] * len(inputs)
    barrier = threading.Barrier(len(inputs))

    def one(i):
        client = Client(address)
        barrier.wait()
        start = time.monotonic()
        answers[i] = (ask(client, model, inputs[i]), time.monotonic() - start)
        client.close()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def random_inputs(rows, seed):
    random = np.random.default_rng(seed)
    return [random.standard_normal((n, 784)).astype(np.float32) for n in rows]


def test_a_lone_request_waits_for_company_as_configured(cluster):
    (answer, seconds), = at_once(cluster, "joined", random_inputs([1], 1))
    assert answer.shape == (1, 10)
    assert seconds >= DELAY


def test_a_full_batch_goes_at_once_and_everybody_gets_his_own_answer(cluster):
    for seed, rows in enumerate([[1] * 8, [2, 1, 3, 2], [1] * 16, [4, 4, 7, 1]]):
        inputs = random_inputs(rows, seed)
        client = Client(cluster.address())
        alone = [ask(client, "alone", each) for each in inputs]
        joined = at_once(cluster, "joined", inputs)
        client.close()
        for want, (got, _) in zip(alone, joined):
            assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()
        if rows == [1] * 8:  # one batch, full: nobody waited for more
            assert max(seconds for _, seconds in joined) < DELAY * max(1, SLOW)


def test_more_rows_than_a_batch_may_have_are_refused(cluster):
    client = Client(cluster.address())
    answer = ask(client, "joined", random_inputs([9], 1)[0])
    assert answer.status == 400
    assert "batch-size must be <= 8 for 'joined'" in answer.json()["error"]
    client.close()
