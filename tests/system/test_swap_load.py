"""Versions swapped, workers killed and stopped, models loaded and unloaded under load: the short forms of
tests/soak. The load is `sluice prove-swap`, whose ledger must balance every time."""
import os
import signal
import time

import pytest

from cluster import ECHO, REAL_ENGINE, SLOW, Cluster, wait_until
from rollout import (EXAMPLE, Load, add_version, check_ledger, check_memory, configure, cycle_usage, echo_versions,
                     kill_a_worker, model_state, served, version_state)


def test_swaps_under_load_lose_nothing_and_the_model_is_put_back(tmp_path):
    with Cluster(echo_versions(tmp_path, 1, 2)) as cluster:
        cluster.wait_ready()
        assert served(cluster, "echo") == 2
        with Load(cluster, "echo", "--swaps", "5", "--seconds", "0.5", "--rate", "300",
                  "--connections", "16") as load:
            pass
        check_ledger(load.result, versions=(1, 2))
        assert [s["done"] for s in load.result["swaps"]] == [True] * 5, load.result["swaps"]
        assert load.result["memory"]["after"]["processes"] == load.result["memory"]["before"]["processes"]
        assert served(cluster, "echo") == 2
        assert model_state(cluster, "echo")["pin"] is None


def test_a_swap_that_is_interrupted_puts_the_model_back(tmp_path):
    with Cluster(echo_versions(tmp_path, 1, 2)) as cluster:
        cluster.wait_ready()
        with Load(cluster, "echo", "--swaps", "1000", "--seconds", "0.2", "--rate", "100",
                  "--connections", "4") as load:
            wait_until(lambda: served(cluster, "echo") == 1, what="a swap to version 1")
            load.process.send_signal(signal.SIGINT)
        assert load.process.returncode == 1
        assert load.result["interrupted"]
        check_ledger(load.result)
        assert served(cluster, "echo") == 2
        assert model_state(cluster, "echo")["pin"] is None


def test_a_version_put_into_the_folder_under_load_is_seen_and_costs_nothing(tmp_path):
    with Cluster(echo_versions(tmp_path, 1)) as cluster:
        cluster.wait_ready()
        with Load(cluster, "echo", "--swaps", "0", "--seconds", "4", "--rate", "300", "--connections",
                  "16") as load:
            wait_until(lambda: cluster.worker("echo")["executed"] > 100, what="load")
            add_version(tmp_path, "echo", 2, ECHO)
        assert load.process.returncode == 0, load.result["objections"]
        check_ledger(load.result, versions=(1, 2))
        assert [(s["from"], s["to"], s["done"]) for s in load.result["swaps"]] == [(1, 2, True)]


def test_a_gateway_killed_in_the_middle_is_in_the_books(tmp_path):
    with Cluster(echo_versions(tmp_path, 1, 2)) as cluster:
        cluster.wait_ready()
        with Load(cluster, "echo", "--swaps", "4", "--seconds", "1", "--rate", "300", "--connections",
                  "16") as load:
            wait_until(lambda: served(cluster, "echo") == 1, what="a swap to version 1")
            os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        requests = load.result["requests"]
        # What was under way with the gateway is lost, at this rate perhaps nothing; the next one knows what served.
        assert requests["lost"] <= 16 and requests["errors"] == {}, requests
        assert requests["sent"] == requests["ok"] + requests["lost"], requests
        assert requests["wrong_version"] == requests["wrong_id"] == requests["duplicated"] == 0, requests
        assert requests["lost"] == 0 or load.result["objections"]
        assert load.process.returncode == (1 if load.result["objections"] else 0)
        wait_until(lambda: served(cluster, "echo") == 2, what="version 2 again")


def test_a_model_of_one_version_cannot_be_swapped(tmp_path):
    with Cluster(echo_versions(tmp_path, 1)) as cluster:
        cluster.wait_ready()
        load = Load(cluster, "echo", "--swaps", "1")
        load.process.wait(timeout=30 * SLOW)
        load.errors.seek(0)
        assert load.errors.read() == \
            "sluice prove-swap: echo has version 1 alone, and a swap needs two; --swaps 0 is load alone\n"
        assert load.process.returncode == 1
        load.process.stdout.close()
        load.errors.close()


@pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine")
def test_the_example_digits_swap_under_load():
    with Cluster(EXAMPLE, stub=False) as cluster:
        cluster.wait_ready()
        with Load(cluster, "digits", "--swaps", "4", "--seconds", "1", "--rate", "400", "--connections",
                  "16", "--input", f"@{EXAMPLE}/five.png") as load:
            pass
        check_ledger(load.result, versions=(1, 2))
        assert all(s["done"] for s in load.result["swaps"]), load.result["swaps"]
        print(load.result["p99"], load.result["latency"])


def test_killed_workers_with_two_replicas_cost_no_request_also_during_rollouts(tmp_path):
    echo_versions(tmp_path, 1, 2, sleep_ms=2)
    configure(tmp_path, "echo", replicas=2)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        wait_until(lambda: version_state(cluster, "echo", 2)["workers"]["ready"] == 2, what="two replicas")
        killed = 0
        with Load(cluster, "echo", "--swaps", "4", "--seconds", "3", "--rate", "200", "--connections",
                  "16") as load:
            while load.running():
                killed += kill_a_worker(cluster, "echo") is not None
                end = time.monotonic() + 2
                wait_until(lambda until=end: time.monotonic() > until or not load.running())
        assert killed >= 4
        check_ledger(load.result)
        print(killed, "killed;", load.result["swaps"])


def test_a_stopped_worker_is_avoided_and_comes_back(tmp_path):
    echo_versions(tmp_path, 1, sleep_ms=2)
    configure(tmp_path, "echo", replicas=2)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        wait_until(lambda: version_state(cluster, "echo", 1)["workers"]["ready"] == 2, what="two replicas")
        pid = cluster.worker("echo")["pid"]
        with Load(cluster, "echo", "--swaps", "0", "--seconds", "8", "--rate", "200", "--connections",
                  "16", "--timeout", str(int(2000 * SLOW))) as load:
            start = time.monotonic()
            wait_until(lambda: time.monotonic() > start + 2)
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            wait_until(lambda: time.monotonic() > stopped + 3)
            os.kill(pid, signal.SIGCONT)
        check_ledger(load.result)  # also: no answer more than 50 ms past its deadline
        seconds = load.result["seconds"]
        # Whole seconds that lie between 1.2 s after the stop and the start again.
        first = int(stopped + 1.2 * SLOW - load.result["started_monotonic_s"]) + 1
        last = int(stopped + 3 - load.result["started_monotonic_s"])
        for second in seconds[first:last]:
            assert second["max_ms"] < 500 * SLOW, seconds
        # It comes back: restarted or not, two serve again.
        wait_until(lambda: version_state(cluster, "echo", 1)["workers"]["ready"] == 2, what="two again")


def test_loading_and_unloading_leaves_nothing_behind(tmp_path):
    echo_versions(tmp_path, 1)
    echo_versions(tmp_path, 1, model="other")
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        cycle_usage(cluster, "echo", 4)
        usages = cycle_usage(cluster, "echo", 8)
        check_memory(usages[:4], usages[4:])
        assert cluster.infer("other", [1, 2, 3, 4]).status == 200
