"""Model repositories with versions, rollouts, and `sluice prove-swap` as the load of a system test."""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from cluster import ECHO, SLOW, SLUICE, SOURCE_DIR, Cluster, wait_until

EXAMPLE = SOURCE_DIR / "cluster/example"
SHARED_MODELS = pathlib.Path(os.environ.get("SLUICE_SHARED_DIR", SOURCE_DIR.parent / "shared")) / "models"
ENDED = ("done", "rolled_back")


def add_version(root, model, version, content, test_data=None):
    """A version that appears as a whole. `content`: bytes, text, a stub behaviour, or a folder."""
    folder = pathlib.Path(root) / model / str(version)
    beside = folder.parent / f".{version}.new"
    if isinstance(content, pathlib.Path):
        shutil.copytree(content, beside)
        beside.chmod(0o755)
    else:
        beside.mkdir(parents=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        data = content.encode() if isinstance(content, str) else content
        (beside / "model.onnx").write_bytes(data)
    if test_data is not None:
        shutil.copytree(test_data, beside / "test_data_set_0")
    beside.rename(folder)
    return folder


def configure(root, model, **parameters):
    """config.pbtxt with sluice.* parameters: configure(root, "m", replicas=2)."""
    lines = [f'parameters {{ key: "sluice.{key}" value {{ string_value: "{value}" }} }}'
             for key, value in parameters.items()]
    (pathlib.Path(root) / model / "config.pbtxt").write_text("\n".join(lines) + "\n")


def echo_versions(root, *versions, model="echo", **behaviour):
    for version in versions:
        add_version(root, model, version, dict(ECHO, **behaviour))
    return root


def rollout(cluster, model, to, **more):
    return cluster.call("POST", f"/sluice/models/{model}/rollout", dict({"to": to}, **more))


def rollout_state(cluster, model):
    return cluster.call("GET", f"/sluice/models/{model}/rollout").json()


def wait_rollout(cluster, model, seconds=30):
    """The rollout once it has ended."""
    def ended():
        state = rollout_state(cluster, model)
        return state if state["phase"] in ENDED else None
    return wait_until(ended, seconds, f"the end of {model}'s rollout")


def model_state(cluster, model):
    models = cluster.call("GET", "/sluice/models").json()["models"]
    return next((m for m in models if m["name"] == model), None)


def version_state(cluster, model, version):
    state = model_state(cluster, model)
    return next((v for v in state["versions"] if v["version"] == str(version)), None) if state else None


def served(cluster, model):
    state = model_state(cluster, model)
    return next((int(v["version"]) for v in state["versions"]
                 if v["state"] == "ready" and v["weight"] > 0), None) if state else None


class Load:
    """`sluice prove-swap --json` in the background; `result` after the block has its findings."""

    def __init__(self, cluster, model, *arguments):
        self.errors = open(cluster.folder / f"prove-{time.monotonic_ns()}", "w+")
        self.process = subprocess.Popen(
            [SLUICE, "prove-swap", model, "--url", f"http://{cluster.address()}", "--json", *arguments],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.result = None

    def finish(self, seconds=600):
        out, _ = self.process.communicate(timeout=seconds * SLOW)
        self.errors.seek(0)
        assert out, self.errors.read()
        self.result = json.loads(out)
        return self.result

    def running(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.finish()
        elif self.running():
            self.process.kill()
            self.process.wait()
        self.errors.close()


def check_ledger(result, errors=(), versions=None):
    """sent = ok + typed errors of these statuses, nothing else; every answer by a version that was
    routed to, and whose."""
    requests = result["requests"]
    assert requests["sent"] > 0, result
    typed = sum(requests["errors"].values())
    assert requests["sent"] == requests["ok"] + typed, requests
    assert set(requests["errors"]) <= {str(e) for e in errors}, requests
    for nothing in ("wrong_version", "wrong_id", "lost", "duplicated", "late", "connections_refused",
                    "unsent", "errors_untyped"):
        assert requests[nothing] == 0, (nothing, requests)
    assert sum(requests["ok_by_version"].values()) == requests["ok"], requests
    if versions is not None:
        assert set(requests["ok_by_version"]) == {str(v) for v in versions}, requests


def opened(folder):
    """What the descriptors of a process are: a file's name, or a kind without its number."""
    found = []
    for entry in folder.iterdir():
        try:
            found.append(os.readlink(entry).split(":[")[0])
        except FileNotFoundError:
            continue
    return found


class Usage:
    """What all processes of a cluster hold at one moment."""

    def __init__(self, cluster):
        self.pss_kb = self.threads = 0
        self.open = collections.Counter()  # by process and what is open
        self.processes = cluster.processes_left()
        for pid in self.processes:
            folder = pathlib.Path("/proc") / str(pid)
            rollup = (folder / "smaps_rollup").read_text()
            self.pss_kb += int(rollup.split("\nPss:")[1].split()[0])
            self.open.update(f"{pid} {what}" for what in opened(folder / "fd"))
            self.threads += len(list((folder / "task").iterdir()))
        self.run_dir = sorted(str(p.relative_to(cluster.run_dir)) for p in cluster.run_dir.rglob("*"))

    def counts(self):
        return (len(self.processes), self.open.total(), self.threads, len(self.run_dir))

    def beyond(self, other):
        """What is open now and was not then, for people."""
        return dict(self.open - other.open) or "nothing"


def kill_a_worker(cluster, model):
    """kill -9 of one ready worker of the model; its pid."""
    ready = [w for w in cluster.workers(model) if w["state"] == "ready" and w["pid"]]
    if not ready:
        return None
    pid = ready[time.monotonic_ns() // 1000 % len(ready)]["pid"]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return pid


def dying(living):
    """Children of these processes that are none of them: they have no memory any more, and with it no mark,
    but their parents still wait for them. A worker ends at the lowest priority, and where others want the
    cores that takes seconds."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) in living and int(entry.name) not in living:
            found.append(int(entry.name))
    return found


def settled_usage(cluster):
    """The usage once nothing of the cluster is dying and the counts have been the same for half a second:
    a connection that a test has just closed is the server's for a moment longer."""
    looks = [Usage(cluster)]
    since = time.monotonic()

    def agreed():
        nonlocal since
        looks.append(Usage(cluster))
        if looks[-1].counts() != looks[-2].counts() or dying(looks[-1].processes):
            since = time.monotonic()
        return time.monotonic() - since >= 0.5 * SLOW
    wait_until(agreed, what="an end of changes in descriptors, threads and files")
    return looks[-1]


def cycle_usage(cluster, model, cycles):
    """Loads and unloads the model so often; the usage after each unload."""
    found = []
    for _ in range(cycles):
        loaded = cluster.call("POST", f"/v2/repository/models/{model}/load", {})
        assert loaded.status == 200, loaded
        unloaded = cluster.call("POST", f"/v2/repository/models/{model}/unload", {})
        assert unloaded.status == 200, unloaded
        wait_until(lambda: not cluster.workers(model), what=f"the end of {model}'s workers")
        found.append(settled_usage(cluster))
    return found


def check_memory(first, last):
    """PSS of the last cycles against the first ones within 2 % or 1 MB per process; counts equal."""
    def mean(usages):
        return sum(u.pss_kb for u in usages) / len(usages)
    grown = mean(last) - mean(first)
    allowed = max(0.02 * mean(first), 1024 * len(first[0].processes))
    print(f"PSS {mean(first):.0f} kB, then {mean(last):.0f} kB ({grown:+.0f} kB, allowed {allowed:.0f})")
    assert grown <= allowed
    least = min(first + last, key=Usage.counts)
    for i, usage in enumerate(first + last):
        assert usage.counts() == least.counts(), f"look {i} of {len(first + last)}: {usage.beyond(least)} more"


__all__ = ["ECHO", "SLOW", "Cluster", "EXAMPLE", "SHARED_MODELS", "Load", "Usage", "add_version",
           "check_ledger", "check_memory", "configure", "cycle_usage", "echo_versions", "kill_a_worker",
           "model_state", "rollout", "rollout_state", "served", "settled_usage", "version_state", "wait_rollout",
           "wait_until"]
