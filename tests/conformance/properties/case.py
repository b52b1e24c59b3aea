"""What the families share: a case of one node, random shapes and values, and how a case is written."""
import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOATS = ("float32", "float64", "float16")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
ONNX_TYPES = {name: getattr(TensorProto, name.upper()) for name in INTEGERS + ("float16", "bool")} | {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "object": TensorProto.STRING}


@dataclasses.dataclass
class Case:
    """One node, its inputs (None: not given) and the answers to them."""
    op: str
    inputs: list
    outputs: list
    attributes: dict = dataclasses.field(default_factory=dict)
    opset: int = 17
    domain: str = ""
    constant: tuple = ()  # inputs, by position, that are part of the model


class Draw:
    """Random parts of a case. All of it follows from the seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def integer(self, low, high):
        """Both ends included."""
        return int(self.random.integers(low, high + 1))

    def chance(self, share=0.5):
        return bool(self.random.random() < share)

    def one_of(self, choices):
        return choices[self.integer(0, len(choices) - 1)]

    def some_of(self, choices, least=0):
        count = self.integer(least, len(choices))
        picked = self.random.permutation(len(choices))[:count]
        return [choices[i] for i in sorted(picked)]

    def shape(self, least=0, most=4, empty=True, largest=6):
        """Most dims are small; some are longer than a vector, and now and then one is 0."""
        dims = [self.integer(1, largest) for _ in range(self.integer(least, most))]
        if dims and self.chance(0.2):
            dims[self.integer(0, len(dims) - 1)] = self.integer(7, 40)
        if dims and empty and self.chance(0.06):
            dims[self.integer(0, len(dims) - 1)] = 0
        return tuple(dims)

    def broadcast(self, shape):
        """One that broadcasts to `shape` without changing it."""
        dims = [1 if self.chance(0.3) and dim != 0 else dim for dim in shape]
        return tuple(dims[self.integer(0, len(dims)) if self.chance(0.3) else 0:])

    def values(self, dtype, shape, low=-4.0, high=4.0):
        if dtype == "bool":
            return self.random.random(shape) < 0.5
        if dtype in FLOATS:
            return np.asarray(self.random.uniform(low, high, shape)).astype(dtype)
        info = np.iinfo(dtype)
        least = int(max(info.min, low if low > info.min else info.min))
        return np.asarray(self.random.integers(least, int(min(info.max, high)), shape, endpoint=True)).astype(dtype)

    def axis(self, rank):
        """Of `rank` dims, counted from either end."""
        return self.integer(-rank, rank - 1)


def value_info(name, array, rank_only):
    """Some models know their shapes, others only how many dims there are."""
    shape = [None] * array.ndim if rank_only else list(array.shape)
    return helper.make_tensor_value_info(name, ONNX_TYPES[array.dtype.name], shape)


def write(case, folder, dynamic):
    """folder/model.onnx and folder/test_data_set_0. `dynamic`: the model knows no dims."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    names = ["" if array is None else f"in{i}" for i, array in enumerate(case.inputs)]
    graph_inputs, constants = [], []
    for i, array in enumerate(case.inputs):
        if array is None:
            continue
        tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), names[i])
        if i in case.constant:
            constants.append(tensor)
            continue
        (data / f"input_{len(graph_inputs)}.pb").write_bytes(tensor.SerializeToString())
        graph_inputs.append(value_info(names[i], array, dynamic))
    out_names = [f"out{i}" for i in range(len(case.outputs))]
    for i, array in enumerate(case.outputs):
        tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), out_names[i])
        (data / f"output_{i}.pb").write_bytes(tensor.SerializeToString())
    node = helper.make_node(case.op, names, out_names, domain=case.domain, **case.attributes)
    graph = helper.make_graph([node], "property", graph_inputs,
                              [value_info(name, array, True) for name, array in zip(out_names, case.outputs)],
                              constants)
    opsets = [helper.make_opsetid("", case.opset)]
    if case.domain:
        opsets.append(helper.make_opsetid(case.domain, 3 if case.domain == "ai.onnx.ml" else 1))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def describe(case):
    shown = ["-" if each is None else f"{each.dtype.name}{list(each.shape)}" for each in case.inputs]
    return f"{case.op}-{case.opset} ({', '.join(shown)}) {case.attributes or ''}".strip()
