"""What the benches of the engine are run on, and how: a model with its options of `bench engine`."""
import json
import math
import pathlib
import subprocess
import sys

import onnx

import models

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = ROOT / "build/release/sluice"


def say(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    pass


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or "").strip().splitlines()
        raise Failed(lines[-1] if lines else f"ended with {done.returncode}")
    return json.loads(done.stdout)


def shapes_of(path, extents):
    """--shape options: the extents that have a name get its value, the other open ones 1."""
    graph = onnx.load(path, load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    options = []
    for value in graph.input:
        if value.name in constants:
            continue
        dims = [extents.get(dim.dim_param, 1) if not dim.HasField("dim_value") or dim.dim_value < 0
                else dim.dim_value for dim in value.type.tensor_type.shape.dim]
        options += ["--shape", f"{value.name}={'x'.join(map(str, dims))}"]
    return options


class Subject:
    def __init__(self, name, kind, path, feed, whole=False):
        self.name, self.kind, self.path, self.feed = name, kind, path, feed
        self.whole = whole  # a sweep or a decode: all of its runs are the figure
        self.figure = "total_ms" if whole else "p50_ms"


def subjects(args):
    """Of args.models (none: all), with recorded inputs from args.shared."""
    chosen = set(args.models)

    def wanted(name):
        return not chosen or name in chosen
    built = {}

    def synthetic(name):
        if name not in built:
            path = ROOT / "build/bench_models" / name / "model.onnx"
            if not path.exists():
                subprocess.run(["/usr/bin/python3", ROOT / "bench/engine/make_synthetic.py", "--out",
                                path.parents[1], name], check=True, stdout=subprocess.DEVNULL)
            built[name] = path
        return built[name]
    recorded = args.shared / "models"
    if not recorded.is_dir():
        say(f"bench: no {recorded}: only models with synthetic weights")
    for name, (kind, extents) in models.SYNTHETIC.items():
        if wanted(name):
            path = synthetic(name)
            yield Subject(name, kind, path, shapes_of(path, extents))
    for name, kind in models.RECORDED.items():
        path = recorded / name / "model.onnx"
        if wanted(name) and path.exists():
            yield Subject(name, kind, path, ["--data", path.parent / "test_data_set_0"])
    for name, (model, extents, more, _, _) in models.ROWS.items():
        path = recorded / model / "model.onnx"
        if not wanted(name):
            continue
        if model in models.SYNTHETIC:
            path = synthetic(model)
        if path.exists():
            feed = more or shapes_of(path, extents)
            yield Subject(name, "row", path, feed, whole=bool(more))


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))
