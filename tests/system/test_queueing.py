"""Priorities and queue policies of config.pbtxt, where requests wait: in the gateway."""
import threading
import time

import pytest

from cluster import ECHO, SLOW, Client, Cluster, wait_until

SLEEPS = dict(ECHO, sleep_ms="input")  # a request's first number is how many milliseconds it takes
RUN_MS = 300 * SLOW
CONFIGS = {
    "levels": "dynamic_batching { priority_levels: 3 default_priority_level: 2 "
              "priority_queue_policy { key: 3 value { max_queue_size: 2 } } }",
    "refusing": "dynamic_batching { default_queue_policy { default_timeout_microseconds: 150000 "
                "allow_timeout_override: true } }",
    "delaying": "dynamic_batching { default_queue_policy { timeout_action: DELAY "
                "default_timeout_microseconds: 50000 } }",
}


class Asked(threading.Thread):
    """One request on a connection of its own; `answer` and when it came."""

    def __init__(self, cluster, model, milliseconds=10, **parameters):
        super().__init__()
        self.client = Client(cluster.address())
        self.call = ("POST", f"/v2/models/{model}/infer", {
            "inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 4], "data": [milliseconds, 0, 0, 0]}],
            "parameters": parameters})
        self.start()

    def run(self):
        self.answer = self.client.call(*self.call)
        self.at = time.monotonic()
        self.client.close()


def wait_for_all(asked):
    for each in asked:
        each.join()
    return [each.answer.status for each in asked]


def queued(cluster, model):
    return cluster.metric("sluice_queue_depth", model=model)


def wait_for_arrival(cluster, model, asked):
    """All of them that are not answered are in the gateway."""
    wait_until(lambda: queued(cluster, model) + cluster.metric("sluice_in_flight", model=model)
               >= sum(each.is_alive() for each in asked), what="requests at the model")


def keep_busy(cluster, model, runs):
    """Requests that take the model's only executor, one after the other; some wait in the gateway."""
    asked = [Asked(cluster, model, RUN_MS) for _ in range(runs)]
    wait_for_arrival(cluster, model, asked)
    return asked


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    root = tmp_path_factory.mktemp("queueing") / "models"
    for name, config in CONFIGS.items():
        (root / name / "1").mkdir(parents=True)
        (root / name / "1" / "model.onnx").write_text(str(SLEEPS).replace("'", '"'))
        (root / name / "config.pbtxt").write_text(config + " instance_group { count: 1 }")
    with Cluster(root, "--threads", "1", "--shards", "1") as running:
        running.wait_ready()
        for name in CONFIGS:  # a worker that is known to be slow is given little ahead of time
            assert wait_for_all([Asked(running, name, RUN_MS)]) == [200]
        yield running


def test_a_higher_priority_goes_first(cluster):
    busy = keep_busy(cluster, "levels", 6)
    low = [Asked(cluster, "levels", priority=3) for _ in range(2)]
    wait_for_arrival(cluster, "levels", busy + low)
    high = [Asked(cluster, "levels", priority=1) for _ in range(3)]
    assert wait_for_all(busy + low + high) == [200] * (len(busy) + 5)
    assert max(each.at for each in high) < min(each.at for each in low)
    assert max(each.at for each in high) < max(each.at for each in busy), "they overtake the default level"
    assert max(each.at for each in busy) < min(each.at for each in low)


def test_a_full_level_refuses_and_the_others_do_not(cluster):
    busy = keep_busy(cluster, "levels", 4)
    full = cluster.metric("sluice_errors_total", kind="queue_full")
    low = [Asked(cluster, "levels", priority=3) for _ in range(2)]
    wait_for_arrival(cluster, "levels", busy + low)
    refused = Asked(cluster, "levels", priority=3)
    taken = Asked(cluster, "levels", priority=1)
    assert wait_for_all([refused, taken]) == [503, 200]
    assert refused.answer.json() == {
        "error": "the queue of model 'levels' at priority 3 is full: 2 requests wait"}
    assert int(refused.answer.headers["Retry-After"]) >= 1
    assert wait_for_all(busy + low) == [200] * (len(busy) + 2)
    wait_until(lambda: cluster.metric("sluice_errors_total", kind="queue_full") == full + 1, what="its count")


def test_who_waits_too_long_is_refused(cluster):
    busy = keep_busy(cluster, "refusing", 3)
    late, sooner = Asked(cluster, "refusing"), Asked(cluster, "refusing", timeout=20_000)
    assert wait_for_all([late, sooner]) == [503, 503]
    for each, least in ((late, 0.15), (sooner, 0.02)):
        assert each.answer.json() == {
            "error": "the request waited longer than the queue of model 'refusing' allows"}
        assert least <= each.answer.seconds
    assert sooner.answer.seconds < 0.15 * SLOW, "its own time-out is the shorter one"
    statuses = wait_for_all(busy)
    assert 200 in statuses and set(statuses) <= {200, 503}, "whichever came first did not wait"
    assert wait_for_all([Asked(cluster, "refusing", timeout=20_000)]) == [200], "without a queue nobody waits"


def test_who_waits_too_long_goes_behind_the_others(cluster):
    delays = cluster.metric("sluice_errors_total", kind="queue_timeout")
    busy = keep_busy(cluster, "delaying", 3)
    early = Asked(cluster, "delaying")
    wait_until(lambda: cluster.metric("sluice_errors_total", kind="queue_timeout") > delays + 1,
               what="the end of its wait")
    last = [Asked(cluster, "delaying") for _ in range(3)]
    assert wait_for_all(busy + [early] + last) == [200] * 7
    assert max(each.at for each in busy) < early.at
