"""Which configuration a model is served by: one that is loaded in place of the one on disk, and one on disk that
changes, whether or not its workers can follow it."""
import json
import os
import signal

from cluster import ECHO, Client, Cluster, wait_until
from rollout import add_version, configure, echo_versions, model_state, wait_rollout

LOAD = "/v2/repository/models/echo/load"


def load(cluster, config=None):
    """The answer's status and error."""
    body = {} if config is None else {"parameters": {"config": json.dumps(config)}}
    answer = cluster.call("POST", LOAD, body)
    return answer.status, (answer.json()["error"] if answer.status != 200 else "")


def parameters(**given):
    return {"parameters": {f"sluice.{key.replace('__', '.')}": {"string_value": str(value)}
                           for key, value in given.items()}}


def shown(cluster):
    return cluster.call("GET", "/v2/models/echo/config").json()


def version_behind(cluster, label):
    """Of the version that answers under the label; None: there is no such label."""
    body = {"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}
    answer = cluster.call("POST", f"/v2/models/echo/labels/{label}/infer", body)
    assert answer.status in (200, 404, 503), answer  # 503: the gateway has just begun
    return int(answer.json()["model_version"]) if answer.status == 200 else None


def ready_versions(cluster):
    return {v["version"] for v in model_state(cluster, "echo")["versions"] if v["state"] == "ready"}


def ready_workers(cluster):
    return sum(w["state"] == "ready" for w in cluster.workers("echo"))


def notes(cluster):
    return " ".join(model_state(cluster, "echo")["notes"])


def expect_loaded(cluster):
    wait_until(lambda: ready_versions(cluster) == {"1", "2"}, what="both versions")
    wait_until(lambda: ready_workers(cluster) == 4, what="two workers of each version")
    wait_until(lambda: version_behind(cluster, "stable") == 1, what="the label")
    wait_until(lambda: "all" in shown(cluster).get("version_policy", {}), what="the configuration")
    config = shown(cluster)
    assert "all" in config["version_policy"]
    assert config["parameters"]["sluice.label.stable"] == {"string_value": "1"}
    assert "in place of the one on disk" in notes(cluster)


def test_a_loaded_configuration_acts_in_everything_until_the_next_load_without_one(tmp_path):
    echo_versions(tmp_path, 1, 2)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        config = dict({"version_policy": {"all": {}}}, **parameters(replicas=2, label__stable=1))
        assert load(cluster, config) == (200, "")
        expect_loaded(cluster)

        os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        wait_until(cluster.ready, 30, "the gateway's next life")
        expect_loaded(cluster)

        assert load(cluster) == (200, "")
        wait_until(lambda: ready_versions(cluster) == {"2"} and ready_workers(cluster) == 1,
                   what="what the disk says")
        assert version_behind(cluster, "stable") is None
        assert "latest" in shown(cluster)["version_policy"]


def test_a_loaded_policy_chooses_what_serves(tmp_path):
    echo_versions(tmp_path, 1, 2)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "2"
        assert load(cluster, {"version_policy": {"specific": {"versions": [1]}}}) == (200, "")
        assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "1"


def test_a_configuration_that_does_not_fit_is_refused_and_changes_nothing(tmp_path):
    echo_versions(tmp_path, 1, 2)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        before = shown(cluster)
        for config, reason in (
                ({"max_batch": 4}, "max_batch"),
                ({"version_policy": {"specific": {"versions": [7]}}}, "wants version 7, not in the repository"),
                (parameters(label__stable=9), "label 'stable' names version 9"),
                (parameters(replicas=0), "replicas"),
                ({"input": [{"name": "nope", "data_type": "TYPE_FP32", "dims": [-1, 4]}]}, "nope")):
            status, error = load(cluster, dict(config))
            assert 400 <= status < 500 and reason in error, (config, status, error)
            assert shown(cluster) == before
            assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "2"
        wait_until(lambda: ready_workers(cluster) == 1, what="the end of what was tried")
        add_version(tmp_path, "echo", 3, ECHO)
        wait_until(lambda: ready_versions(cluster) == {"3"}, what="the folder, which is followed as before")


def test_a_changed_file_that_no_worker_takes_changes_nothing_until_it_is_corrected(tmp_path):
    echo_versions(tmp_path, 1, 2)
    file = tmp_path / "echo" / "config.pbtxt"
    policy = "version_policy { all { } }\n"
    label = 'parameters {{ key: "sluice.label.stable" value {{ string_value: "{}" }} }}\n'
    file.write_text(policy + label.format(1))
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        wait_until(lambda: version_behind(cluster, "stable") == 1, what="the label")
        wait_until(lambda: ready_workers(cluster) == 2, what="both versions")
        before = shown(cluster)

        file.write_text(policy + label.format(2) +
                        'input { name: "nope" data_type: TYPE_FP32 dims: [ 4 ] }\n'
                        'max_batch_size: 3\n'
                        'dynamic_batching { priority_levels: 3 default_priority_level: 1 }\n'
                        'parameters { key: "sluice.replicas" value { string_value: "2" } }\n')
        wait_until(lambda: (model_state(cluster, "echo")["rollout"] or {}).get("phase") == "rolled_back",
                   what="the rollout to it, and back")
        assert "nope" in wait_rollout(cluster, "echo")["reason"]

        def expect_as_before():
            wait_until(lambda: "not in force: version" in notes(cluster), what="the note")
            assert "nope" in notes(cluster)
            # A gateway that has just begun completes it once the worker has attached.
            wait_until(lambda: shown(cluster) == before, what="the configuration of before")
            wait_until(lambda: version_behind(cluster, "stable") == 1, what="the label of before")
            assert cluster.infer("echo", [1, 2, 3, 4]).json()["model_version"] == "2"
        expect_as_before()
        os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        wait_until(cluster.ready, 30, "the gateway's next life")
        expect_as_before()
        # A worker that dies is started again as it was, whatever the file says now.
        killed = [w["pid"] for w in cluster.workers("echo")]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: ready_workers(cluster) == 2 and
                   not {w["pid"] for w in cluster.workers("echo")} & set(killed), 30, "the workers' next lives")
        expect_as_before()

        file.write_text(policy + label.format(2) + "max_batch_size: 0\n")
        wait_until(lambda: version_behind(cluster, "stable") == 2, what="the corrected file")
        assert "not in force" not in notes(cluster)


def test_the_configuration_that_is_shown_is_completed_from_the_model(tmp_path):
    add_version(tmp_path, "echo", 1, ECHO)
    add_version(tmp_path, "echo", 2, dict(ECHO, inputs=[dict(ECHO["inputs"][0], shape=[-1, 8])],
                                          outputs=[dict(ECHO["outputs"][0], shape=[-1, 8])]))
    (tmp_path / "echo" / "config.pbtxt").write_text(
        "version_policy { all { } } instance_group { count: 1 } max_batch_size: 4")
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        for path, extent in (("/v2/models/echo", 8), ("/v2/models/echo/versions/1", 4)):
            wait_until(lambda p=path, e=extent: cluster.call("GET", p).json().get("inputs", [{}])[0].get("shape") ==
                       [-1, e], what=path)
            config = cluster.call("GET", path + "/config").json()
            assert config["name"] == "echo" and "all" in config["version_policy"]
            assert config["platform"] == cluster.call("GET", path).json()["platform"] != ""
            assert config["backend"] == "onnxruntime"
            assert config["max_batch_size"] == 4
            assert [(i["name"], i["data_type"], i["dims"]) for i in config["input"]] == [("a", "TYPE_FP32", [extent])]
            assert [(o["name"], o["data_type"], o["dims"]) for o in config["output"]] == [
                ("out", "TYPE_FP32", [extent])]
            assert [(g["kind"], g["count"]) for g in config["instance_group"]] == [("KIND_CPU", 1)]


def test_labels_and_replicas_restart_no_worker(tmp_path):
    echo_versions(tmp_path, 1)
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        pid = cluster.worker("echo")["pid"]
        configure(tmp_path, "echo", **{"replicas": 2, "label.stable": 1})
        wait_until(lambda: version_behind(cluster, "stable") == 1 and ready_workers(cluster) == 2,
                   what="the label and the second worker")
        assert pid in [w["pid"] for w in cluster.workers("echo")]


LABELLED = 'output {{ name: "out" data_type: TYPE_FP32 dims: [ -1, 4 ] label_filename: "labels.txt" }}\n{}'


def labels_of(cluster, version=None):
    """Of the classes 0 to 3 in an answer, and whose it was; None while there is none."""
    target = "/v2/models/echo" + ("" if version is None else f"/versions/{version}")
    body = {"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 4], "data": [4, 3, 2, 1]}],
            "outputs": [{"name": "out", "parameters": {"classification": 4}}]}
    answer = cluster.call("POST", target + "/infer", body)
    if answer.status != 200:
        return None
    texts = [text.split(":", 2)[1:] for text in answer.json()["outputs"][0]["data"]]
    assert [text[0] for text in texts] == ["0", "1", "2", "3"]
    return answer.json()["model_version"], [text[1] if len(text) > 1 else "" for text in texts]


def test_changed_labels_of_classes_come_with_new_workers_and_not_before(tmp_path):
    echo_versions(tmp_path, 1)
    (tmp_path / "echo" / "config.pbtxt").write_text(LABELLED.format(""))
    file = tmp_path / "echo" / "labels.txt"
    file.write_bytes(b"cat\r\n\r\ndog\r\n")
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        assert labels_of(cluster) == ("1", ["cat", "", "dog", ""])
        pid = cluster.worker("echo")["pid"]

        file.write_text("ant\nbee\ncow\nelk\neel\n")
        wait_until(lambda: labels_of(cluster) == ("1", ["ant", "bee", "cow", "elk"]), what="the changed labels")
        wait_until(lambda: ready_workers(cluster) == 1 and len(cluster.workers("echo")) == 1, what="one worker")
        assert cluster.worker("echo")["pid"] != pid

        file.write_bytes(b"caf\xe9\n")
        wait_until(lambda: (model_state(cluster, "echo")["rollout"] or {}).get("phase") == "rolled_back",
                   what="the rollout to it, and back")
        assert "label_filename 'labels.txt': it is not UTF-8" in wait_rollout(cluster, "echo")["reason"]
        assert labels_of(cluster) == ("1", ["ant", "bee", "cow", "elk"])
        file.unlink()
        pid = next(w["pid"] for w in cluster.workers("echo") if w["state"] == "ready")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: any(w["state"] == "ready" and w["pid"] != pid for w in cluster.workers("echo")), 30,
                   "the worker's next life")
        wait_until(lambda: labels_of(cluster) == ("1", ["ant", "bee", "cow", "elk"]), what="its labels as before")


def test_each_version_has_the_labels_of_its_own_folder(tmp_path):
    echo_versions(tmp_path, 1)
    (tmp_path / "echo" / "config.pbtxt").write_text(LABELLED.format("version_policy { all { } }"))
    (tmp_path / "echo" / "labels.txt").write_text("cat\n")
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        assert labels_of(cluster) == ("1", ["cat", "", "", ""])
        pid = cluster.worker("echo")["pid"]
        beside = tmp_path / "echo" / ".2"
        beside.mkdir()
        (beside / "model.onnx").write_text(json.dumps(ECHO))
        (beside / "labels.txt").write_text("dog\nowl")
        beside.rename(tmp_path / "echo" / "2")
        seen = set()

        def swapped():
            version, labels = labels_of(cluster)
            seen.add((version, tuple(labels)))
            return version == "2"
        wait_until(swapped, what="version 2")
        assert seen == {("1", ("cat", "", "", "")), ("2", ("dog", "owl", "", ""))}
        assert labels_of(cluster, 1) == ("1", ["cat", "", "", ""])
        assert labels_of(cluster, 2) == ("2", ["dog", "owl", "", ""])
        assert pid in [w["pid"] for w in cluster.workers("echo")], "version 1 was left alone"


def test_a_version_without_its_labels_is_not_ready_until_they_are_there(tmp_path):
    echo_versions(tmp_path, 1)
    (tmp_path / "echo" / "config.pbtxt").write_text(LABELLED.format(""))
    (tmp_path / "echo" / "labels.txt").write_text("x" * (512 * 1024 + 1))
    with Cluster(tmp_path) as cluster:
        answer = wait_until(lambda: next((a for a in [cluster.infer("echo", [1, 2, 3, 4])] if a.status == 503), None),
                            what="the refusal")
        assert "output 'out': label_filename 'labels.txt': has more than 524288 bytes" in answer.json()["error"]
        assert not cluster.ready()
        (tmp_path / "echo" / "labels.txt").write_text("cat")
        wait_until(lambda: labels_of(cluster) == ("1", ["cat", "", "", ""]), what="the version")


def test_tags_of_metrics_change_at_once_and_restart_no_worker(tmp_path):
    echo_versions(tmp_path, 1)
    file = tmp_path / "echo" / "config.pbtxt"
    file.write_text('metric_tags { key: "team" value: "a" }')

    def tagged(tags):
        page = Client(cluster.address("metrics")).call("GET", "/metrics").body.decode().splitlines()
        return f'sluice_requests_total{{model="echo",version="1",protocol="kserve_v2",code="ok"{tags}}} 1' in page
    with Cluster(tmp_path) as cluster:
        cluster.wait_ready()
        pid = cluster.worker("echo")["pid"]
        assert cluster.infer("echo", [1, 2, 3, 4]).status == 200
        wait_until(lambda: tagged(',_team="a"'), what="the tag")
        file.write_text('metric_tags { key: "team" value: "b" } metric_tags { key: "tier" value: "1" }')
        wait_until(lambda: tagged(',_team="b",_tier="1"'), what="the other tags")
        os.kill(cluster.pid_of("gateway"), signal.SIGKILL)
        wait_until(cluster.ready, 30, "the gateway's next life")
        assert cluster.infer("echo", [1, 2, 3, 4]).status == 200
        wait_until(lambda: tagged(',_team="b",_tier="1"'), what="the tags of before")
        file.write_text("")
        wait_until(lambda: tagged(""), what="no tags")
        assert cluster.worker("echo")["pid"] == pid
