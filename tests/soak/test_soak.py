"""`make soak`: versions rolled, workers killed and stopped, models loaded and unloaded, for long, with a real
CNN; requests joined; histories simulated. Each test prints its figures. Needs an otherwise idle machine, and
../shared/models.

SOAK_MINUTES says about how long all of it takes; everything is cut or stretched alike. 45 is what the
figures are for: 200 swaps, 3 minutes of kills, 100 cycles of loading and unloading, 100,000 seeds.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from cluster import BINARY_DIR, REAL_ENGINE, Cluster, wait_until
from rollout import (SHARED_MODELS, Load, check_ledger, check_memory, configure, cycle_usage,
                     kill_a_worker, version_state)

SHARE = float(os.environ.get("SOAK_MINUTES") or "45") / 45
SWAPS = max(round(200 * SHARE), 4)
KILL_SECONDS = max(180 * SHARE, 20)
CYCLES = max(round(100 * SHARE), 30)
SEEDS = max(round(100_000 * SHARE), 5_000)
ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.skipif(not REAL_ENGINE, reason="built without the engine"),
              pytest.mark.skipif(not SHARED_MODELS.is_dir(), reason=f"{SHARED_MODELS} is not there")]


def copies(root, name, versions=(1, 2)):
    """The model of ../shared/models as several versions."""
    for version in versions:
        folder = pathlib.Path(root) / name / str(version)
        folder.mkdir(parents=True)
        shutil.copyfile(SHARED_MODELS / name / "model.onnx", folder / "model.onnx")
    return root


def show(title, result):
    keep = {k: result[k] for k in ("capacity_per_s", "rate_per_s", "requests", "latency", "p99", "memory",
                                   "objections")}
    times = sorted(s["ms"] for s in result["swaps"])
    if times:
        keep["swap_ms"] = {"count": len(times), "p50": times[len(times) // 2], "max": times[-1]}
    for version in (1, 2):
        keep[f"pss_kb_with_version_{version}"] = [s["memory"]["pss_kb"] for s in result["swaps"]
                                                  if s["to"] == version and s["memory"]]
    print(f"\n== {title}\n{json.dumps(keep, indent=1)}")


@pytest.mark.parametrize("name, swaps, seconds, answers", [
    ("mnist_8", SWAPS, "1", 20_000),
    ("super_resolution_10", max(SWAPS // 10, 1), "5", 1_000),
])
def test_swaps_under_load(tmp_path, name, swaps, seconds, answers):
    with Cluster(copies(tmp_path, name), stub=False) as cluster:
        cluster.wait_ready()
        load = Load(cluster, name, "--swaps", str(swaps), "--seconds", seconds)
        with load:
            load.finish(seconds=3600)
        show(f"{swaps} swaps of {name}", load.result)
        check_ledger(load.result, versions=(1, 2))
        assert len(load.result["swaps"]) == swaps and all(s["done"] for s in load.result["swaps"])
        if swaps >= 20:
            for kind in ("quiet", "swap"):
                assert load.result["latency"][kind]["answers"] >= answers
        assert load.process.returncode == 0, load.result["objections"]


def test_a_worker_killed_every_two_seconds_also_during_rollouts(tmp_path):
    copies(tmp_path, "mnist_8")
    configure(tmp_path, "mnist_8", replicas=2)
    with Cluster(tmp_path, stub=False) as cluster:
        cluster.wait_ready()
        wait_until(lambda: version_state(cluster, "mnist_8", 2)["workers"]["ready"] == 2, what="two replicas")
        killed = 0
        with Load(cluster, "mnist_8", "--swaps", "1000", "--seconds", "3") as load:
            end = time.monotonic() + KILL_SECONDS
            while time.monotonic() < end:
                killed += kill_a_worker(cluster, "mnist_8") is not None
                time.sleep(2)
            load.process.send_signal(signal.SIGINT)
        show(f"{killed} workers killed, {len(load.result['swaps'])} rollouts", load.result)
        check_ledger(load.result)
        assert killed >= KILL_SECONDS / 4
        assert len(load.result["swaps"]) >= KILL_SECONDS / 20


def test_a_worker_stopped_for_ten_seconds(tmp_path):
    copies(tmp_path, "mnist_8", versions=(1,))
    configure(tmp_path, "mnist_8", replicas=2)
    with Cluster(tmp_path, stub=False) as cluster:
        cluster.wait_ready()
        wait_until(lambda: version_state(cluster, "mnist_8", 1)["workers"]["ready"] == 2, what="two replicas")
        pid = cluster.worker("mnist_8")["pid"]
        with Load(cluster, "mnist_8", "--swaps", "0", "--seconds", "30", "--timeout", "2000") as load:
            time.sleep(12)  # capacity, and a while of quiet
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            time.sleep(10)
            os.kill(pid, signal.SIGCONT)
            executed = {w["id"]: w["executed"] for w in cluster.workers("mnist_8") if w["pid"] == pid}
            back = wait_until(lambda: any(w["executed"] > executed[w["id"]] + 10
                                          for w in cluster.workers("mnist_8") if w["id"] in executed),
                              what="work for the worker that was stopped")
            assert back
        show("a worker stopped for 10 s", load.result)
        check_ledger(load.result)
        began = load.result["started_monotonic_s"]
        seconds = load.result["seconds"]
        print("longest latency by second, from the stop:",
              [round(s["max_ms"], 1) for s in seconds[int(stopped - began):]])
        for second in seconds[int(stopped + 1 - began) + 1:int(stopped + 10 - began)]:
            assert second["max_ms"] < 200, second


def test_loading_and_unloading(tmp_path):
    copies(tmp_path, "mnist_8", versions=(1,))
    copies(tmp_path, "super_resolution_10", versions=(1,))
    with Cluster(tmp_path, stub=False) as cluster:
        cluster.wait_ready()
        cycle_usage(cluster, "mnist_8", 20)
        usages = cycle_usage(cluster, "mnist_8", CYCLES)
        print(f"\n== {CYCLES} load/unload cycles: PSS in kB {[u.pss_kb for u in usages]}")
        print("processes, descriptors, threads, entries of the run directory:", usages[-1].counts())
        check_memory(usages[10:20], usages[-10:])




@pytest.mark.parametrize("model, wanted", [
    ("mlp_784_256_10", 1.3),
    ("lstm_classifier", 1.3),
    ("bert_base", 0.98),
])
def test_joining_requests_pays(model, wanted):
    result = subprocess.run([ROOT / "bench/load/batching", model], stdout=subprocess.PIPE, text=True,
                            check=True)
    print(f"\n== {result.stdout}")
    assert float(result.stdout.split(": ")[1].split()[0]) >= wanted


@pytest.mark.parametrize("simulation", ["sim_test", "rollout_sim_test"])
def test_simulated_histories(simulation):
    subprocess.run([BINARY_DIR / "tests" / simulation, "--gtest_filter=*GoWell"], check=True,
                   env=os.environ | {"SLUICE_SIM_SEEDS": str(SEEDS)})
