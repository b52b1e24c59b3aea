#!/usr/bin/python3
"""Writes the synthetic models `add` and `mlp_784_256_10` with inputs and numpy's answers to them.

  numpy_cases.py --out DIR      DIR/NAME/{model.onnx,test_data_set_K}, a set for each of three batches

The answers are computed here, in float64, from the weights as they stand in the file.
"""
import argparse
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper

sys.dont_write_bytecode = True
SYNTHETIC = pathlib.Path(__file__).resolve().parents[3] / "bench/engine/make_synthetic.py"
BATCHES = (1, 2, 65)


def answer_of_add(graph, inputs):
    assert [node.op_type for node in graph.node] == ["Add"]
    return {"sum": inputs["a"] + inputs["b"]}


def answer_of_mlp(graph, inputs):
    assert [node.op_type for node in graph.node] == ["Gemm", "Relu", "Gemm"]
    weights = {each.name: numpy_helper.to_array(each).astype(np.float64) for each in graph.initializer}
    hidden = np.maximum(inputs["input"] @ weights["fc0.weight"].T + weights["fc0.bias"], 0)
    return {"output": hidden @ weights["fc1.weight"].T + weights["fc1.bias"]}


MODELS = {"add": answer_of_add, "mlp_784_256_10": answer_of_mlp}


def write(folder, kind, index, name, array):
    tensor = numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name)
    (folder / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())


def generate(out):
    subprocess.run(["/usr/bin/python3", SYNTHETIC, "--out", out, *MODELS], check=True, stdout=subprocess.DEVNULL)
    for name, answer in MODELS.items():
        graph = onnx.load(out / name / "model.onnx").graph
        for k, batch in enumerate(BATCHES):
            folder = out / name / f"test_data_set_{k}"
            folder.mkdir()
            random = np.random.default_rng(batch)
            inputs = {}
            for i, value in enumerate(graph.input):
                shape = [batch] + [each.dim_value for each in value.type.tensor_type.shape.dim[1:]]
                single = random.normal(size=shape).astype(np.float32)
                write(folder, "input", i, value.name, single)
                inputs[value.name] = single.astype(np.float64)
            answers = answer(graph, inputs)
            for i, value in enumerate(graph.output):
                write(folder, "output", i, value.name, answers[value.name])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
