"""Versions of models on real processes: which are served, and what a folder, an operator or a restart changes."""
import http.client
import os
import shutil
import signal
import subprocess
import threading

from cluster import ECHO, SLUICE, Cluster, wait_until
from rollout import add_version, configure, rollout, rollout_state, wait_rollout


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
        steps = [one["detail"] for one in cluster.log_lines("model_event") if one["what"] == "rollout_step"]
        assert steps == ["25 percent"]


def next_gateway(cluster):
    gateway = cluster.pid_of("gateway")
    os.kill(gateway, signal.SIGKILL)
    wait_until(lambda: cluster.pid_of("gateway") != gateway and cluster.ready(), what="the next gateway")


def test_what_is_kept_warm_is_warm_after_a_kill_of_the_gateway_and_rollback_is_a_switch():
    def pids():
        return {str(one["version"]): one["pid"] for one in cluster.workers("echo") if one["pid"]}

    with Cluster({"echo": ECHO}) as cluster:
        cluster.wait_ready()
        two_versions(cluster)
        command(cluster, "rollout", "echo", "--to", "2", "--keep-old", "10m")
        wait_until(lambda: stages(cluster, "echo") == {"1": "standby", "2": "ready"}, what="the switch")
        before = pids()
        assert set(before) == {"1", "2"}
        started = len(cluster.log_lines("worker_started"))
        assert started >= 2

        next_gateway(cluster)
        assert stages(cluster, "echo") == {"1": "standby", "2": "ready"}
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "2"

        command(cluster, "rollback", "echo")
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "1"
        assert pids()["1"] == before["1"], "the process that was kept answers"
        assert len(cluster.log_lines("worker_started")) == started, "nothing was loaded"


def kill_everything(cluster):
    for pid in cluster.processes_left():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    cluster.main.wait(timeout=20)
    wait_until(lambda: not cluster.processes_left(), what="the end of every process")
    cluster.processes.remove(cluster.main)


def start_again(cluster, *arguments):
    cluster.log_path.rename(cluster.folder / "log.before")
    cluster.main = cluster.start("serve", "--models", str(cluster.models), "--http", "127.0.0.1:0", "--metrics",
                                 "127.0.0.1:0", "--run-dir", str(cluster.run_dir), *arguments)
    cluster.address()


def two_versions(cluster):
    """Version 1 serves by an operator's word, and 2 is there."""
    add_version(cluster.models, "echo", 2, ECHO)
    wait_until(lambda: stages(cluster, "echo").get("2") == "ready", what="version 2")
    assert rollout(cluster, "echo", "1").status == 200
    assert wait_rollout(cluster, "echo")["phase"] == "done"


def test_a_rollout_that_a_kill_of_everything_cut_off_goes_on_where_it_was():
    with Cluster({"echo": ECHO}) as cluster:
        cluster.wait_ready()
        two_versions(cluster)
        begun = rollout(cluster, "echo", "2", steps=[50, 100], hold_ms=3_600_000).json()
        wait_until(lambda: rollout_state(cluster, "echo")["percent"] == 50, what="the first step")
        kill_everything(cluster)
        start_again(cluster)
        wait_until(lambda: rollout_state(cluster, "echo").get("percent") == 50, what="the same step")
        state = rollout_state(cluster, "echo")
        assert (state["id"], state["by"], state["phase"], state["to"]) == (begun["id"], "operator", "shifting", ["2"])
        assert stages(cluster, "echo") == {"1": "ready", "2": "ready"}
        command(cluster, "rollout", "abort", "echo")
        assert wait_rollout(cluster, "echo")["phase"] == "rolled_back"
        wait_until(lambda: stages(cluster, "echo") == {"1": "ready", "2": "failed"}, what="the way back")
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "1"


def test_what_operators_asked_for_outlives_every_process():
    with Cluster({"echo": ECHO, "other": ECHO}) as cluster:
        cluster.wait_ready()
        two_versions(cluster)
        command(cluster, "unload", "other")
        kill_everything(cluster)
        start_again(cluster)
        cluster.wait_ready()
        assert stages(cluster, "echo") == {"1": "ready", "2": "known"}
        assert stages(cluster, "other") == {"1": "known"}
        assert cluster.infer("other", [1, 2, 3, 4]).status == 404
        assert "echo: pinned to 1 by an operator" in command(cluster, "models").stdout
        assert command(cluster, "load", "other").stdout == "other: loaded\n"


def test_a_model_that_is_taken_away_on_purpose_is_not_missed():
    with Cluster({"echo": ECHO, "other": ECHO, "third": ECHO}) as cluster:
        cluster.wait_ready()
        shutil.rmtree(cluster.models / "other")
        wait_until(lambda: stages(cluster, "other") == {}, what="the end of the model")
        next_gateway(cluster)
        assert cluster.infer("other", [1, 2, 3, 4]).status == 404, "nobody waits for it"

        command(cluster, "unload", "third")
        shutil.rmtree(cluster.models / "third")
        next_gateway(cluster)

        command(cluster, "unload", "echo")
        wait_until(lambda: not cluster.ready(), what="the end of readiness, since nothing serves")
        command(cluster, "load", "echo")
        wait_until(cluster.ready, what="readiness with what is there")


def test_what_cannot_be_kept_is_refused_and_changes_nothing():
    with Cluster({"echo": ECHO}, "--state", "/dev/null/state.json") as cluster:
        cluster.wait_ready()
        for words in (("unload", "echo"), ("rollout", "echo", "--to", "policy"), ("load", "echo")):
            refused = command(cluster, *words, check=False)
            assert refused.returncode == 1
            assert "what is decided cannot be kept" in refused.stderr and "Not a directory" in refused.stderr
        assert stages(cluster, "echo") == {"1": "ready"}
        assert cluster.infer("echo", [1, 2, 3, 4]).status == 200
        assert len(cluster.log_lines("state_not_kept")) == 1


def test_a_new_version_that_answers_nan_is_rolled_back_and_a_first_one_is_not():
    with Cluster({"echo": ECHO, "first": dict(ECHO, op="nan")}) as cluster:
        cluster.wait_ready()
        assert stages(cluster, "first") == {"1": "ready"}
        add_version(cluster.models, "echo", 2, dict(ECHO, op="nan"))
        wait_until(lambda: stages(cluster, "echo").get("2") == "failed", what="the way back")
        assert wait_rollout(cluster, "echo")["reason"] == (
            "version 2: probe: its answer has NaN or infinity, and that of the version before has none")
        assert stages(cluster, "echo")["1"] == "ready"
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "1"


def test_a_refused_configuration_is_told_to_callers_and_holds_up_nothing_else(tmp_path):
    for model in ("echo", "broken"):
        add_version(tmp_path, model, 1, ECHO)
    (tmp_path / "broken" / "config.pbtxt").write_text('backend: "tensorrt"\n')
    with Cluster(tmp_path, "--strict-readiness", "false") as cluster:
        cluster.wait_ready()
        refused = cluster.infer("broken", [1, 2, 3, 4])
        assert refused.status == 503
        assert "model 'broken' has failed" in refused.json()["error"]
        assert "backend 'tensorrt' is not offered here" in refused.json()["error"]
        assert cluster.infer("echo", [1, 2, 3, 4]).status == 200


def test_a_gateway_that_is_started_again_knows_what_served():
    with Cluster({"echo": ECHO}) as cluster:
        cluster.wait_ready()
        two_versions(cluster)
        statuses, ended = set(), threading.Event()

        def ask(path):
            while not ended.is_set():
                client = cluster.client(20)
                try:
                    while not ended.is_set():
                        body = {"inputs": [{"name": "a", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
                        statuses.add(client.call("POST", path, body).status)
                except OSError:
                    pass  # the connection ended with the gateway
                except http.client.HTTPException:
                    pass
                finally:
                    client.close()

        askers = [threading.Thread(target=ask, args=(f"/v2/models/echo/{which}infer",))
                  for which in ("", "versions/1/", "", "versions/1/")]
        for asker in askers:
            asker.start()
        old = cluster.pid_of("gateway")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: cluster.pid_of("gateway") != old and cluster.ready(), what="the next gateway")
        ended.set()
        for asker in askers:
            asker.join()
        assert statuses == {200}


def test_a_configuration_that_changes_while_the_gateway_is_down_counts_when_it_is_back():
    with Cluster({"echo": ECHO, "other": ECHO}) as cluster:
        cluster.wait_ready()
        kept = {w["model"]: w["pid"] for w in cluster.workers()}
        cluster.main.send_signal(signal.SIGSTOP)  # nobody starts the next gateway meanwhile
        os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        configure(cluster.models, "echo", replicas=2)
        configure(cluster.models, "other", replicas="many")
        wait_until(lambda: cluster.log_lines("repository_changed"), what="the node sees it, alone")
        cluster.main.send_signal(signal.SIGCONT)
        wait_until(lambda: [w["state"] for w in cluster.workers("echo")] == ["ready"] * 2, what="two replicas")
        assert kept["echo"] in {w["pid"] for w in cluster.workers("echo")}, "what served serves on"
        assert [w["pid"] for w in cluster.workers("other")] == [kept["other"]], "a wrong one changes nothing"
        assert cluster.infer("other", [1, 2, 3, 4]).status == 200
        assert "replicas" in command(cluster, "models").stdout
