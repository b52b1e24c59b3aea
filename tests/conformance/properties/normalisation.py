"""Operators that set values in proportion to their neighbours."""
import numpy as np

from case import Case


def softmax(draw):
    op = draw.one_of(("Softmax", "LogSoftmax", "Hardmax"))
    x = draw.values("float32", draw.shape(least=1, empty=False), -9, 9)
    axis = draw.axis(x.ndim)
    opset = draw.one_of((11, 13))
    wide = x.astype(np.float64)
    shape = x.shape
    if opset < 13:  # as a matrix: what comes before the axis, and the rest
        wide = wide.reshape(int(np.prod(shape[:axis % x.ndim], dtype=np.int64)), -1)
    along = axis if opset >= 13 else 1
    moved = wide - wide.max(along, keepdims=True)
    share = np.exp(moved) / np.exp(moved).sum(along, keepdims=True)
    first = np.expand_dims(np.argmax(wide, along), along) == np.arange(wide.shape[along]).reshape(
        [-1 if i == along % wide.ndim else 1 for i in range(wide.ndim)])
    answer = {"Softmax": share, "LogSoftmax": moved - np.log(np.exp(moved).sum(along, keepdims=True)),
              "Hardmax": first}[op]
    return Case(op, [x], [answer.reshape(shape).astype(np.float32)], {"axis": axis}, opset=opset)


def layer(draw):
    x = draw.values("float32", draw.shape(least=1, empty=False))
    axis = draw.axis(x.ndim)
    axes = tuple(range(axis % x.ndim, x.ndim))
    scale = draw.values("float32", x.shape[axes[0]:])
    bias = draw.values("float32", x.shape[axes[0]:]) if draw.chance() else None
    epsilon = 1e-3
    wide = x.astype(np.float64)
    mean = wide.mean(axes, keepdims=True)
    inverse = 1 / np.sqrt(wide.var(axes, keepdims=True) + epsilon)
    answer = (wide - mean) * inverse * scale + (0 if bias is None else bias)
    outputs = [answer.astype(np.float32)]
    if draw.chance(0.3):
        outputs += [mean.astype(np.float32), inverse.astype(np.float32)]
    return Case("LayerNormalization", [x, scale] + ([] if bias is None else [bias]), outputs,
                {"axis": axis, "epsilon": epsilon}, opset=17, constant=(1,) if bias is None else (1, 2))


def image(draw):
    """Instance, group, batch, mean-variance and local response normalisation."""
    n, c = draw.integer(1, 3), draw.integer(1, 9)
    x = draw.values("float32", (n, c) + draw.shape(least=1, most=3, empty=False))
    wide = x.astype(np.float64)
    spread = [1, -1] + [1] * (x.ndim - 2)
    scale, bias = draw.values("float32", (c,)), draw.values("float32", (c,))
    op = draw.one_of(("InstanceNormalization", "BatchNormalization", "GroupNormalization", "LRN", "LpNormalization"))
    if op == "BatchNormalization":
        mean, var = draw.values("float32", (c,)), draw.values("float32", (c,), 0.1, 4)
        answer = (wide - mean.reshape(spread)) / np.sqrt(var.reshape(spread).astype(np.float64) + 1e-3)
        return Case(op, [x, scale, bias, mean, var],
                    [(answer * scale.reshape(spread) + bias.reshape(spread)).astype(np.float32)], {"epsilon": 1e-3},
                    opset=15, constant=(1, 2, 3, 4) if draw.chance() else ())
    if op == "LRN":
        size = draw.integer(1, 5)
        alpha, beta, base = 0.02, 0.75, 1.5
        low, high = (size - 1) // 2, -(-(size - 1) // 2)
        squares = np.stack([(wide[:, max(0, i - low):min(c, i + high + 1)] ** 2).sum(1) for i in range(c)], 1)
        return Case(op, [x], [(wide / (base + alpha / size * squares) ** beta).astype(np.float32)],
                    {"size": size, "alpha": alpha, "beta": beta, "bias": base}, opset=13)
    if op == "LpNormalization":
        axis, p = draw.axis(x.ndim), draw.integer(1, 2)
        size = (np.abs(wide) ** p).sum(axis, keepdims=True) ** (1 / p)
        return Case(op, [x], [(wide / size).astype(np.float32)], {"axis": axis, "p": p}, opset=1)
    groups = draw.one_of([g for g in range(1, c + 1) if c % g == 0]) if op == "GroupNormalization" else c
    split = wide.reshape(n, groups, -1)
    part = (split - split.mean(2, keepdims=True)) / np.sqrt(split.var(2, keepdims=True) + 1e-3)
    answer = part.reshape(x.shape) * scale.reshape(spread) + bias.reshape(spread)
    attributes = {"epsilon": 1e-3} | ({"num_groups": groups} if op == "GroupNormalization" else {})
    return Case(op, [x, scale, bias], [answer.astype(np.float32)], attributes,
                opset=21 if op == "GroupNormalization" else 6, constant=(1, 2) if draw.chance() else ())


def mean_variance(draw):
    x = draw.values("float32", draw.shape(least=2, empty=False))
    axes = draw.some_of(range(x.ndim), 1)
    wide = x.astype(np.float64)
    mean = wide.mean(tuple(axes), keepdims=True)
    spread = np.sqrt((wide ** 2).mean(tuple(axes), keepdims=True) - mean ** 2)
    if spread.min() < 1e-2:
        return softmax(draw)
    return Case("MeanVarianceNormalization", [x], [((wide - mean) / (spread + 1e-9)).astype(np.float32)],
                {"axes": axes}, opset=13)


FAMILY = (softmax, softmax, layer, image, image, mean_variance)
