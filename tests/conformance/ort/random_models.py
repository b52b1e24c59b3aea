#!/usr/bin/python3
"""Models as exporters write them, of blocks drawn by chance, for the second opinion.

Networks of convolutions and of sequences, whose blocks the plan fuses, packs and lays out in other ways
the one beside the other: what two passes do to each other is met here. The same for the same number.

  random_models.py --out DIR [--first 0] [--count 40]     writes DIR/KIND_NUMBER
"""
import argparse
import pathlib
import random

import numpy as np

for missing in ("bool", "object", "complex", "float", "int", "str"):  # gone from NumPy 1.24 on
    if missing not in np.__dict__:
        setattr(np, missing, {"bool": bool, "object": object, "complex": complex, "float": float,
                              "int": int, "str": str}[missing])
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FLOAT = TensorProto.FLOAT


class Draft:
    """A graph that grows at its end. `x` is the value there, [1, channels, size, size] or [1, size, channels]."""

    def __init__(self, number, opset, channels, size):
        self.random = random.Random(number)
        self.numbers = np.random.default_rng(number)
        self.opset = opset
        self.nodes, self.constants, self.values = [], [], 0
        self.x, self.channels, self.size = "x", channels, size
        self.takes_gate = False
        self.masked = False  # by a constant, which has one length

    def draw(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def name(self):
        self.values += 1
        return f"v{self.values}"

    def constant(self, array):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def normal(self, *shape, scale=1.0):
        return (self.numbers.standard_normal(shape) * scale).astype(np.float32)

    def weights(self, *shape, fan):
        """As a constant, or as models store it smaller."""
        values = self.normal(*shape, scale=fan ** -0.5)
        kind = self.draw("plain", "plain", "plain", "bytes", "half", "run")
        if kind == "bytes":
            step = np.abs(values).max() / 127
            return self.op("Mul", self.op("Cast", self.constant(np.round(values / step).astype(np.int8)), to=FLOAT),
                           self.constant(np.array([step], np.float32)))
        if kind == "half":
            return self.op("Cast", self.constant(values.astype(np.float16)), to=FLOAT)
        if kind == "run":
            self.takes_gate = True
            return self.op("Mul", self.constant(values), "gate")
        return self.constant(values)

    def scalar(self, value):
        return self.constant(np.full(self.draw((), (1,)), value, np.float32))

    def op(self, kind, *inputs, **attributes):
        made = self.name()
        self.nodes.append(helper.make_node(kind, list(inputs), [made], **attributes))
        return made

    def model(self, dims):
        """Its input declared with `dims`."""
        inputs = [helper.make_tensor_value_info("x", FLOAT, dims)]
        if self.takes_gate:
            inputs.append(helper.make_tensor_value_info("gate", FLOAT, [1]))
        graph = helper.make_graph(self.nodes, "random", inputs,
                                  [helper.make_tensor_value_info(self.x, FLOAT, None)], self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", self.opset)])


def activation(draft, x):
    """As exporters write them, in one operator or several."""
    op, scalar = draft.op, draft.scalar

    def hard_swish():
        held = op("Clip", op("Add", x, scalar(3)), draft.constant(np.float32(0)), draft.constant(np.float32(6)))
        return op("Div", op("Mul", x, held), scalar(6))

    def gelu():
        return op("Mul", op("Mul", x, op("Add", op("Erf", op("Div", x, scalar(2 ** 0.5))), scalar(1))), scalar(0.5))

    def gelu_by_tanh():
        inner = op("Add", x, op("Mul", op("Pow", x, scalar(3)), scalar(0.044715)))
        wave = op("Tanh", op("Mul", inner, scalar((2 / np.pi) ** 0.5)))
        return op("Mul", op("Mul", x, scalar(0.5)), op("Add", wave, scalar(1)))

    return draft.draw(
        lambda: x,
        lambda: op("Relu", x),
        lambda: op("LeakyRelu", x, alpha=0.1),
        lambda: op("Elu", x),
        lambda: op("Sigmoid", x),
        lambda: op("Tanh", x),
        lambda: op("HardSigmoid", x),
        lambda: op("Clip", x, draft.constant(np.float32(0)), draft.constant(np.float32(6))),
        lambda: op("Mul", x, op("Sigmoid", x)),
        lambda: op("Mul", op("HardSigmoid", x, alpha=1 / 6, beta=0.5), x),
        lambda: op("Mul", x, op("Tanh", op("Softplus", x))),
        hard_swish, gelu, gelu_by_tanh)()


# --- networks of convolutions --------------------------------------------------------------------


def convolve(draft, filters=None, kernel=None, groups=1, stride=1):
    kernel = kernel or draft.draw(1, 1, 3, 3, 5)
    filters = filters or draft.draw(1, 2, 3, 4, 8, 10, 16, 24, 32)
    spread = draft.draw(1, 1, 2) if kernel > 1 and stride == 1 else 1
    fan = draft.channels // groups * kernel * kernel
    inputs = [draft.x, draft.weights(filters, draft.channels // groups, kernel, kernel, fan=fan)]
    if draft.chance(0.5):
        inputs.append(draft.constant(draft.normal(filters, scale=0.1)))
    pad = spread * (kernel - 1) // 2
    draft.x = draft.op("Conv", *inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
                       dilations=[spread] * 2, group=groups)
    draft.channels = filters
    draft.size = (draft.size - 1) // stride + 1


def normalise(draft):
    count = draft.channels
    draft.x = draft.op("BatchNormalization", draft.x,
                       *(draft.constant(draft.numbers.random(count).astype(np.float32) + np.float32(0.5))
                         if positive else draft.constant(draft.normal(count, scale=0.2))
                         for positive in (True, False, False, True)))


def scale_and_shift(draft):
    if draft.chance(0.7):
        draft.x = draft.op("Mul", draft.x, draft.constant(draft.normal(1)))
    if draft.chance(0.7):
        draft.x = draft.op("Add", draft.x, draft.constant(draft.normal(1)))


def conv_block(draft):
    convolve(draft)
    for step in (normalise, scale_and_shift):
        if draft.chance(0.5):
            step(draft)
    draft.x = activation(draft, draft.x)


def depthwise_block(draft):
    convolve(draft, draft.channels, draft.draw(3, 5, 7), draft.channels)
    draft.x = activation(draft, draft.x)


def residual_block(draft):
    before = draft.x
    convolve(draft, draft.channels)
    draft.x = activation(draft, draft.x)
    if draft.chance(0.5):
        convolve(draft, draft.channels)
        normalise(draft)
    draft.x = draft.op("Add", *draft.draw((before, draft.x), (draft.x, before)))
    draft.x = activation(draft, draft.x)


def squeeze_block(draft):
    image, channels, size = draft.x, draft.channels, draft.size
    draft.x = draft.draw(lambda: draft.op("GlobalAveragePool", image),
                         lambda: draft.op("ReduceMean", image, axes=[2, 3], keepdims=1))()
    convolve(draft, max(1, channels // 4), 1)
    draft.x = draft.op("Relu", draft.x)
    convolve(draft, channels, 1)
    draft.x = draft.op("Mul", image, draft.op(draft.draw("Sigmoid", "HardSigmoid"), draft.x))
    draft.size = size


def resize_block(draft):
    mode = draft.draw("nearest", "linear", "cubic")
    rule = {"nearest_mode": draft.draw("floor", "round_prefer_floor", "ceil")} if mode == "nearest" else {}
    rule["coordinate_transformation_mode"] = draft.draw("asymmetric", "half_pixel", "align_corners")
    none = draft.constant(np.zeros(0, np.float32))
    if draft.chance(0.5):
        extents = [none, draft.constant(np.array([1, 1, 2, 2], np.float32))]
        draft.size *= 2
    else:
        draft.size = max(4, draft.size + draft.draw(-3, 3))
        extents = [none, none, draft.constant(np.array([1, draft.channels, draft.size, draft.size]))]
    draft.x = draft.op("Resize", draft.x, *extents, mode=mode, **rule)


def grow_block(draft):
    kernel, filters = draft.draw(2, 3, 4), draft.draw(1, 4, 8, 12)
    weights = draft.normal(draft.channels, filters, kernel, kernel, scale=(draft.channels * kernel) ** -0.5)
    draft.x = draft.op("ConvTranspose", draft.x, draft.constant(weights), strides=[2, 2],
                       kernel_shape=[kernel] * 2, pads=[0 if kernel == 2 else 1] * 4,
                       output_padding=[1 if kernel == 3 else 0] * 2)
    draft.channels, draft.size = filters, draft.size * 2
    draft.x = activation(draft, draft.x)


def pool_block(draft):
    kernel, kind = draft.draw(2, 3), draft.draw("MaxPool", "AveragePool")
    pad = kernel // 2 if kernel == 3 else 0
    draft.x = draft.op(kind, draft.x, kernel_shape=[kernel] * 2, strides=[2, 2], pads=[pad] * 4)
    draft.size = (draft.size + 2 * pad - kernel) // 2 + 1


def shuffle_block(draft):
    parts = 2 if draft.channels % 2 == 0 else 1
    apart = draft.constant(np.array([1, parts, draft.channels // parts, draft.size, draft.size]))
    turned = draft.op("Transpose", draft.op("Reshape", draft.x, apart), perm=[0, 2, 1, 3, 4])
    draft.x = draft.op("Reshape", turned, draft.constant(np.array([0, draft.channels, draft.size, draft.size])))


def branch_block(draft):
    before, channels = draft.x, draft.channels
    conv_block(draft)
    draft.x = draft.op("Concat", *draft.draw((before, draft.x), (draft.x, before)), axis=1)
    draft.channels += channels


def pad_block(draft):
    border = draft.draw(1, 2)
    draft.x = draft.op("Pad", draft.x, draft.constant(np.array([0, 0, border, border] * 2)),
                       mode=draft.draw("constant", "reflect", "edge"))
    draft.size += 2 * border
    conv_block(draft)


def images(number):
    draft = Draft(number, random.Random(~number).choice((13, 15, 16)), 3, 20 + number % 9)
    shape = [1, 3, draft.size, draft.size]
    convolve(draft, 8)
    for _ in range(draft.random.randint(3, 8)):
        block = draft.draw(conv_block, conv_block, depthwise_block, residual_block, squeeze_block, resize_block,
                           grow_block, pool_block, shuffle_block, branch_block, pad_block, scale_and_shift)
        if draft.size < 8 and block is pool_block or draft.size > 48 and block in (resize_block, grow_block):
            block = conv_block
        block(draft)
    fixed = any(node.op_type in ("Reshape", "Resize") for node in draft.nodes)
    return draft.model(shape if fixed else [1, 3, "height", "width"]), shape


# --- networks of sequences -----------------------------------------------------------------------


def project(draft, x, into, size=None):
    size = size or draft.channels
    y = draft.op("MatMul", x, draft.weights(size, into, fan=size))
    bias = draft.constant(draft.normal(into, scale=0.1))
    return draft.op("Add", *draft.draw((y, bias), (bias, y)))


def layer_norm(draft, x):
    gain = draft.constant(draft.numbers.random(draft.channels).astype(np.float32) + np.float32(0.5))
    away = draft.op("Sub", x, draft.op("ReduceMean", x, axes=[-1]))
    square = draft.draw(lambda: draft.op("Pow", away, draft.scalar(2)), lambda: draft.op("Mul", away, away))()
    deviation = draft.op("Sqrt", draft.op("Add", draft.op("ReduceMean", square, axes=[-1]), draft.scalar(1e-5)))
    return draft.op("Add", draft.op("Mul", draft.op("Div", away, deviation), gain),
                    draft.constant(draft.normal(draft.channels, scale=0.1)))


def attend(draft, x):
    heads, channels = draft.draw(2, 4), draft.channels
    depth = channels // heads

    def apart(order):
        split = draft.op("Reshape", project(draft, x, channels), draft.constant(np.array([0, 0, heads, depth])))
        return draft.op("Transpose", split, perm=order)

    query, key, value = apart([0, 2, 1, 3]), apart([0, 2, 3, 1]), apart([0, 2, 1, 3])
    scaled_first = draft.chance(0.4)
    query = draft.op("Mul", query, draft.scalar(depth ** -0.5)) if scaled_first else query
    scores = draft.op("MatMul", query, key)
    scores = scores if scaled_first else draft.op("Div", scores, draft.scalar(depth ** 0.5))
    later = np.triu(np.ones((draft.size, draft.size), bool), 1)[None, None]
    mask = draft.draw("none", "where", "add")
    draft.masked = draft.masked or mask != "none"
    if mask == "where":
        scores = draft.op("Where", draft.constant(later), draft.constant(np.float32(-1e4)), scores)
    elif mask == "add":
        scores = draft.op("Add", scores, draft.constant(np.where(later, -1e4, 0).astype(np.float32)))
    mixed = draft.op("MatMul", draft.op("Softmax", scores, axis=-1), value)
    joined = draft.op("Reshape", draft.op("Transpose", mixed, perm=[0, 2, 1, 3]),
                      draft.constant(np.array([0, 0, channels])))
    return project(draft, joined, channels)


def transformer_block(draft):
    draft.x = draft.op("Add", draft.x, attend(draft, layer_norm(draft, draft.x)))
    wide = activation(draft, project(draft, layer_norm(draft, draft.x), 2 * draft.channels))
    draft.x = draft.op("Add", project(draft, wide, draft.channels, 2 * draft.channels), draft.x)


def recurrent_block(draft):
    kind = draft.draw("LSTM", "GRU", "RNN")
    gates, hidden = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], draft.draw(16, 24)
    both = draft.chance(0.5)
    ways = 2 if both else 1
    steps = draft.op("Transpose", draft.x, perm=[1, 0, 2])
    y = draft.op(kind, steps,
                 draft.constant(draft.normal(ways, gates * hidden, draft.channels, scale=draft.channels ** -0.5)),
                 draft.constant(draft.normal(ways, gates * hidden, hidden, scale=hidden ** -0.5)),
                 draft.constant(draft.normal(ways, 2 * gates * hidden, scale=0.1)), hidden_size=hidden,
                 direction="bidirectional" if both else draft.draw("forward", "reverse"))
    y = draft.op("Reshape", draft.op("Transpose", y, perm=[2, 0, 1, 3]), draft.constant(np.array([0, 0, -1])))
    draft.x = project(draft, y, draft.channels, ways * hidden)


def filter_block(draft):
    kernel, spread = draft.draw(3, 7), draft.draw(1, 2, 4)
    groups = draft.draw(1, draft.channels)
    turned = draft.op("Transpose", draft.x, perm=[0, 2, 1])
    fan = draft.channels // groups * kernel
    y = draft.op("Conv", turned, draft.weights(draft.channels, draft.channels // groups, kernel, fan=fan),
                 pads=[spread * (kernel // 2)] * 2, dilations=[spread], group=groups)
    y = draft.op("Transpose", activation(draft, y), perm=[0, 2, 1])
    draft.x = draft.op("Add", draft.x, y)


def sequences(number):
    draft = Draft(number, random.Random(~number).choice((13, 15, 17)), 32 + 16 * (number % 3), 1 + number % 13)
    shape = [1, draft.size, draft.channels]
    for _ in range(draft.random.randint(1, 3)):
        draft.draw(transformer_block, transformer_block, recurrent_block, filter_block)(draft)
    return draft.model(shape if draft.masked else ["batch", "steps", draft.channels]), shape


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    args = parser.parse_args()
    for number in range(args.first, args.first + args.count):
        for kind in (images, sequences):
            model, shape = kind(number)
            data = args.out / f"{kind.__name__}_{number}" / "test_data_set_0"
            data.mkdir(parents=True, exist_ok=True)
            (data.parent / "model.onnx").write_bytes(model.SerializeToString())
            values = np.random.default_rng(number).random(shape, np.float32)
            for i, value in enumerate((values, np.array([1.25], np.float32))[:len(model.graph.input)]):
                (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())


if __name__ == "__main__":
    main()
