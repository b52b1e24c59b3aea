"""Versions of models on real processes: which are served, and what a folder, an operator or a restart changes."""
import os
import shutil
import signal
import subprocess

from cluster import ECHO, SLUICE, Cluster, wait_until


def command(cluster, *arguments, check=True):
    done = subprocess.run([SLUICE, *arguments, "--url", f"http://{cluster.address()}"],
                          capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done
    return done


def stages(cluster, model):
    """{version: state} as operators see it."""
    found = [one for one in cluster.call("GET", "/sluice/models").json()["models"] if one["name"] == model]
    return {one["version"]: one["state"] for one in found[0]["versions"]} if found else {}


def test_on_demand_nothing_is_loaded_unasked_and_a_restarted_gateway_remembers_by_what_runs():
    with Cluster({"echo": ECHO, "other": ECHO}, "--model-control", "explicit", "--load-model", "echo") as cluster:
        cluster.wait_ready()
        assert stages(cluster, "other") == {"1": "known"}
        assert cluster.infer("other", [1, 2, 3, 4]).status in (404, 503)
        assert "other: not loaded (sluice load other loads it)" in command(cluster, "models").stdout
        assert command(cluster, "load", "other").stdout == "other: loaded\n"
        assert cluster.infer("other", [1, 2, 3, 4]).status == 200
        worker = cluster.worker("other")["pid"]

        os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        wait_until(lambda: stages(cluster, "other") == {"1": "ready"}, what="the model after the restart")
        assert cluster.worker("other")["pid"] == worker, "it serves on"


def test_a_changed_folder_rolls_by_the_steps_of_its_configuration():
    with Cluster({"echo": ECHO}) as cluster:
        cluster.wait_ready()
        folder = cluster.models / "echo"
        (folder / "config.pbtxt").write_text(
            'parameters { key: "sluice.steps" value { string_value: "25,100" } }\n'
            'parameters { key: "sluice.hold" value { string_value: "1s" } }\n'
            'parameters { key: "sluice.keep_old" value { string_value: "1m" } }\n')
        shutil.copytree(folder / "1", folder / "2")
        wait_until(lambda: stages(cluster, "echo").get("2") == "ready", what="version 2")
        shown = command(cluster, "models", "--json").stdout
        wait_until(lambda: stages(cluster, "echo") == {"1": "standby", "2": "ready"}, what=f"the switch, after {shown}")
        steps = [one["detail"] for one in cluster.log_lines("model_event") if one["event"] == "rollout_step"]
        assert steps == ["25 percent"]
