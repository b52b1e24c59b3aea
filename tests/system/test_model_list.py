"""`--model-list`: TensorFlow Serving's list of models and its JSON form, at the start and when the file changes."""
import json
import pathlib
import subprocess

import pytest

from cluster import SLUICE, Cluster, wait_until
from rollout import echo_versions, model_state


def text_of(models):
    entries = []
    for model in models:
        labels = "".join(f'  version_labels {{ key: "{key}" value: {value} }}\n'
                         for key, value in model.get("version_labels", {}).items())
        versions = "".join(f" versions: {version}" for version in model.get("versions", []))
        policy = f"  model_version_policy {{ specific {{{versions} }} }}\n" if versions else ""
        entries.append(f'config {{\n  name: "{model["name"]}"\n  base_path: "{model["base_path"]}"\n'
                       f'  model_platform: "onnx"\n{policy}{labels}}}\n')
    return "model_config_list {\n" + "".join(entries) + "}\n"


def json_of(models):
    configs = []
    for model in models:
        config = {key: model[key] for key in ("name", "base_path", "version_labels") if key in model}
        if "versions" in model:
            config["model_version_policy"] = {"specific": {"versions": model["versions"]}}
        configs.append(config)
    return json.dumps({"model_config_list": {"config": configs}})


def replace(file, content):
    """As a careful writer does."""
    beside = file.with_suffix(".new")
    beside.write_text(content)
    beside.rename(file)


class Listed(Cluster):
    """`sluice serve --model-list`; nothing else names a model."""

    def __init__(self, file, *arguments):
        self.list = pathlib.Path(file)
        super().__init__(self.list.parent, *arguments)

    def start(self, *arguments, prefix=()):
        given = list(arguments)
        if given[0] == "serve":
            at = given.index("--models")
            given[at:at + 2] = ["--model-list", str(self.list)]
        return super().start(*given, prefix=prefix)


def answers(cluster, model, where=""):
    """Of the version that answers; the status when none does."""
    body = {"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}
    answer = cluster.call("POST", f"/v2/models/{model}{where}/infer", body)
    return answer.json()["model_version"] if answer.status == 200 else answer.status


@pytest.fixture
def folder(tmp_path):
    echo_versions(tmp_path / "roots", 1, 2, 3, model="first")
    echo_versions(tmp_path / "roots", 1, model="second")
    return tmp_path


def entry(folder, name, **more):
    return dict({"name": name, "base_path": str(folder / "roots" / name)}, **more)


@pytest.mark.parametrize("form", [text_of, json_of])
def test_a_list_of_either_form_is_served_with_its_policies_and_labels_and_followed(folder, form):
    file = folder / "list"
    file.write_text(form([entry(folder, "first", versions=[1, 2], version_labels={"stable": 1, "canary": 2})]))
    with Listed(file) as cluster:
        cluster.wait_ready()
        wait_until(lambda: answers(cluster, "first") == "2", what="version 2")
        wait_until(lambda: answers(cluster, "first", "/labels/stable") == "1", what="label stable")
        wait_until(lambda: answers(cluster, "first", "/labels/canary") == "2", what="label canary")
        assert answers(cluster, "first", "/versions/3") == 404
        assert answers(cluster, "second") == 404

        replace(file, form([entry(folder, "first", versions=[1, 3], version_labels={"stable": 3}),
                            entry(folder, "second")]))
        wait_until(lambda: answers(cluster, "second") == "1", what="the model that is new in the list")
        wait_until(lambda: answers(cluster, "first", "/labels/stable") == "3", what="the label's move")
        wait_until(lambda: answers(cluster, "first") == "3", what="the policy")
        assert answers(cluster, "first", "/labels/canary") == 404

        replace(file, form([entry(folder, "second")]))
        wait_until(lambda: model_state(cluster, "first") is None, what="the end of what the list no longer has")
        assert answers(cluster, "second") == "1"


def test_a_list_that_has_become_wrong_changes_nothing_and_is_told(folder):
    file = folder / "list"
    good = text_of([entry(folder, "first")])
    file.write_text(good)
    with Listed(file) as cluster:
        cluster.wait_ready()
        replace(file, text_of([entry(folder, "second")]).replace("model_platform", "nmae"))
        wait_until(lambda: any("list 5:" in note and "the list before it holds" in note
                               for note in model_state(cluster, "first")["notes"]), what="the note")
        assert any("nmae" in line["reason"] for line in cluster.log_lines("repository_unreadable"))
        assert answers(cluster, "first") == "3" and answers(cluster, "second") == 404
        refused = cluster.call("POST", "/v2/repository/models/second/load", {})
        assert refused.status == 404 and "nmae" in refused.json()["error"], refused
        echo_versions(folder / "roots", 4, model="first")
        wait_until(lambda: answers(cluster, "first") == "4", what="the folder of what the list before has")
        replace(file, good)
        wait_until(lambda: model_state(cluster, "first")["notes"] == [], what="the end of the note")


def test_an_unwatched_list_is_read_by_a_load(folder):
    file = folder / "list"
    file.write_text(text_of([entry(folder, "first")]))
    with Listed(file, "--model-control", "explicit", "--load-model", "first") as cluster:
        cluster.wait_ready()
        replace(file, text_of([entry(folder, "first"), entry(folder, "second")]))
        loaded = cluster.call("POST", "/v2/repository/models/second/load", {})
        assert loaded.status == 200, loaded
        assert answers(cluster, "second") == "1" and answers(cluster, "first") == "3"


@pytest.mark.parametrize("content, reason", [
    ("model_config_list {\n  config { name: \"m\"\n    nmae: \"x\" } }", "list 3:"),
    ("model_config_list { config { name: \"m\" base_path: \"relative\" } }", "relative"),
    ('{"model_config_list": {"config": [{"name": "m", "base_path": "/x", "model_type": 1}]}}', "model_type"),
    ('{"model_config_list": [', "list"),
])
def test_a_server_does_not_start_with_a_wrong_list(folder, content, reason):
    file = folder / "list"
    file.write_text(content)
    done = subprocess.run([SLUICE, "serve", "--model-list", str(file), "--http", "127.0.0.1:0", "--metrics", "",
                           "--run-dir", str(folder / "run")], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert reason in done.stderr and "list" in done.stderr, done.stderr
