"""Operators that move elements, and leave each as it is."""
import numpy as np

from case import FLOATS, INTEGERS, Case

ANY = FLOATS + INTEGERS + ("bool",)


def whole(values):
    return np.array(values, dtype=np.int64)


def transpose(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(most=6))
    order = [int(i) for i in draw.random.permutation(x.ndim)]
    plain = draw.chance(0.2)
    return Case("Transpose", [x], [x.transpose() if plain else x.transpose(order)],
                {} if plain or not order else {"perm": order}, opset=13)


def reshape(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(empty=False))
    dims = list(draw.random.permutation(whole(x.shape)).astype(int))
    if draw.chance(0.4) and dims:
        dims[draw.integer(0, len(dims) - 1)] = -1
    if draw.chance(0.3):
        dims.insert(draw.integer(0, len(dims)), 1)
    wanted = whole(dims)
    return Case("Reshape", [x, wanted], [x.reshape(dims)], opset=14, constant=(1,) if draw.chance() else ())


def flatten(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(least=1))
    axis = draw.integer(-x.ndim, x.ndim)
    at = axis + x.ndim if axis < 0 else axis
    first = int(np.prod(x.shape[:at], dtype=np.int64))
    return Case("Flatten", [x], [x.reshape(first, int(np.prod(x.shape[at:], dtype=np.int64)))], {"axis": axis},
                opset=13)


def squeeze(draw):
    shape = list(draw.shape(most=3))
    places = sorted(draw.some_of(range(len(shape) + 2), 1))
    for place in places:
        shape.insert(min(place, len(shape)), 1)
    x = draw.values(draw.one_of(ANY), tuple(shape))
    ones = [i for i, dim in enumerate(shape) if dim == 1]
    axes = draw.some_of(ones, 1)
    if draw.chance():
        return Case("Squeeze", [x, whole([i - x.ndim if draw.chance() else i for i in axes])],
                    [np.squeeze(x, tuple(axes))], opset=13, constant=(1,) if draw.chance() else ())
    flat = np.squeeze(x, tuple(axes))
    return Case("Unsqueeze", [flat, whole(axes)], [x], opset=13, constant=(1,) if draw.chance() else ())


def slices(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(least=1))
    axes = draw.some_of(range(x.ndim), 1)
    starts, ends, steps = [], [], []
    index = [slice(None)] * x.ndim
    for axis in axes:
        step = draw.one_of((1, 1, 1, 2, 3, -1, -2))
        start, end = draw.integer(-9, 9), draw.one_of((draw.integer(-9, 9), 2**62, -2**62))
        starts, ends, steps = starts + [start], ends + [end], steps + [step]
        index[axis] = slice(start, end, step)
    named = [axis - x.ndim if draw.chance(0.3) else axis for axis in axes]
    return Case("Slice", [x, whole(starts), whole(ends), whole(named), whole(steps)], [x[tuple(index)]], opset=13,
                constant=(1, 2, 3, 4) if draw.chance() else ())


def concat(draw):
    shape = list(draw.shape(least=1))
    axis = draw.axis(len(shape))
    dtype = draw.one_of(ANY)
    parts = []
    for _ in range(draw.integer(1, 4)):
        shape[axis] = draw.integer(0 if draw.chance(0.1) else 1, 6)
        parts.append(draw.values(dtype, tuple(shape)))
    return Case("Concat", parts, [np.concatenate(parts, axis)], {"axis": axis}, opset=13)


def split(draw):
    shape = list(draw.shape(least=1))
    axis = draw.axis(len(shape))
    sizes = [draw.integer(0 if draw.chance(0.1) else 1, 5) for _ in range(draw.integer(1, 4))]
    shape[axis] = sum(sizes)
    x = draw.values(draw.one_of(ANY), tuple(shape))
    parts = np.split(x, np.cumsum(sizes)[:-1], axis)
    return Case("Split", [x, whole(sizes)], parts, {"axis": axis}, opset=13,
                constant=(1,) if draw.chance() else ())


def gather(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(least=1, empty=False))
    axis = draw.axis(x.ndim)
    count = x.shape[axis]
    at = draw.random.integers(-count, count, draw.shape(most=3)).astype(draw.one_of(("int32", "int64")))
    return Case("Gather", [x, at], [np.take(x, at, axis)], {"axis": axis}, opset=13)


def gather_elements(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(least=1, empty=False))
    axis = draw.axis(x.ndim) % x.ndim
    shape = [draw.integer(1, dim) for dim in x.shape]
    shape[axis] = draw.integer(1, 7)
    at = draw.random.integers(-x.shape[axis], x.shape[axis], shape)
    part = x[tuple(slice(None) if i == axis else slice(dim) for i, dim in enumerate(shape))]
    return Case("GatherElements", [x, at], [np.take_along_axis(part, at, axis)], {"axis": axis}, opset=13)


def gather_nd(draw):
    x = draw.values(draw.one_of(ANY), draw.shape(least=1, empty=False))
    batch = draw.integer(0, x.ndim - 1)
    depth = draw.integer(1, x.ndim - batch)
    rows = draw.shape(most=2)
    at = np.stack([draw.random.integers(-x.shape[batch + k], x.shape[batch + k], x.shape[:batch] + rows)
                   for k in range(depth)], -1).astype(np.int64)
    answer = np.empty(x.shape[:batch] + rows + x.shape[batch + depth:], x.dtype)
    for place in np.ndindex(x.shape[:batch] + rows):
        answer[place] = x[place[:batch] + tuple(int(i) for i in at[place])]
    return Case("GatherND", [x, at], [answer], {"batch_dims": batch} if batch else {}, opset=13)


def scatter_elements(draw):
    reduction = draw.one_of(("none", "add", "mul", "max", "min"))
    x = draw.values(draw.one_of(("float32", "int32", "int64")), draw.shape(least=1, empty=False))
    axis = draw.axis(x.ndim) % x.ndim
    shape = [draw.integer(1, dim) for dim in x.shape]
    if reduction == "none":  # what a doubled index writes is not said
        at = np.argsort(draw.random.random([x.shape[axis] if i == axis else n for i, n in enumerate(shape)]), axis)
        at = np.take(at, range(shape[axis]), axis)
    else:
        at = draw.random.integers(-x.shape[axis], x.shape[axis], shape)
    updates = draw.values(x.dtype.name, tuple(shape))
    answer = x.copy()
    combine = {"none": lambda old, new: new, "add": np.add, "mul": np.multiply, "max": np.maximum,
               "min": np.minimum}[reduction]
    for place in np.ndindex(*shape):
        target = place[:axis] + (int(at[place]),) + place[axis + 1:]
        answer[target] = combine(answer[target], updates[place])
    return Case("ScatterElements", [x, at.astype(np.int64), updates], [answer],
                {"axis": axis} | ({} if reduction == "none" else {"reduction": reduction}), opset=18)


def scatter_nd(draw):
    reduction = draw.one_of(("none", "add", "mul", "max", "min"))
    x = draw.values(draw.one_of(("float32", "int32")), draw.shape(least=1, empty=False))
    depth = draw.integer(1, x.ndim)
    every = list(np.ndindex(*x.shape[:depth]))
    count = draw.integer(1, min(len(every), 9))
    picked = draw.random.choice(len(every), count, replace=reduction != "none")
    at = whole([every[i] for i in picked]).reshape(count, depth)
    updates = draw.values(x.dtype.name, (count,) + x.shape[depth:])
    answer = x.copy()
    combine = {"none": lambda old, new: new, "add": np.add, "mul": np.multiply, "max": np.maximum,
               "min": np.minimum}[reduction]
    for row, update in zip(at, updates):
        answer[tuple(row)] = combine(answer[tuple(row)], update)
    return Case("ScatterND", [x, at, updates], [answer], {} if reduction == "none" else {"reduction": reduction},
                opset=18)


def pad(draw):
    mode = draw.one_of(("constant", "reflect", "edge", "wrap"))
    x = draw.values(draw.one_of(("float32", "float64", "int32", "int64", "uint8")),
                    draw.shape(least=1, empty=mode == "constant"))
    most = [dim - 1 if mode == "reflect" else 3 for dim in x.shape]
    widths = [(draw.integer(0, min(each, 3)), draw.integer(0, min(each, 3))) for each in most]
    pads = whole([low for low, _ in widths] + [high for _, high in widths])
    inputs = [x, pads]
    if mode == "constant":
        value = draw.values(x.dtype.name, ()) if draw.chance() else None
        answer = np.pad(x, widths, mode, constant_values=0 if value is None else value)
        inputs += [] if value is None else [value]
    elif mode == "wrap":  # numpy before 1.25 repeats what it has padded
        answer = x
        for axis, (low, high) in enumerate(widths):
            answer = np.take(answer, range(-low, x.shape[axis] + high), axis, mode="wrap")
    else:
        answer = np.pad(x, widths, mode)
    return Case("Pad", inputs, [answer], {"mode": mode}, opset=19, constant=(1,) if draw.chance() else ())


def tile(draw):
    x = draw.values(draw.one_of(ANY), draw.shape())
    repeats = [draw.integer(0 if draw.chance(0.1) else 1, 3) for _ in range(x.ndim)]
    return Case("Tile", [x, whole(repeats)], [np.tile(x, repeats)], opset=13)


def expand(draw):
    shape = draw.shape()
    x = draw.values(draw.one_of(ANY), draw.broadcast(shape))
    wanted = [1 if draw.chance(0.2) else dim for dim in shape]
    return Case("Expand", [x, whole(wanted)], [x * np.ones(wanted, x.dtype) if x.dtype != bool
                                               else x & np.ones(wanted, bool)], opset=13)


def blocks(draw):
    """DepthToSpace (both modes) and SpaceToDepth."""
    size = draw.integer(1, 3)
    n, c, h, w = (draw.integer(1, 4) for _ in range(4))
    x = draw.values("float32", (n, c * size * size, h, w))
    if draw.chance(0.3):
        x = draw.values("float32", (n, c, h * size, w * size))
        answer = x.reshape(n, c, h, size, w, size).transpose(0, 3, 5, 1, 2, 4).reshape(n, -1, h, w)
        return Case("SpaceToDepth", [x], [answer], {"blocksize": size}, opset=13)
    if draw.chance():
        answer = x.reshape(n, size, size, c, h, w).transpose(0, 3, 4, 1, 5, 2)
        mode = "DCR"
    else:
        answer = x.reshape(n, c, size, size, h, w).transpose(0, 1, 4, 2, 5, 3)
        mode = "CRD"
    return Case("DepthToSpace", [x], [answer.reshape(n, c, h * size, w * size)],
                {"blocksize": size, "mode": mode}, opset=13)


def one_hot(draw):
    depth = draw.integer(1, 6)
    at = draw.random.integers(-depth - 2, depth + 3, draw.shape(most=3)).astype(draw.one_of(("int32", "int64")))
    axis = draw.axis(at.ndim + 1)
    off_on = draw.values(draw.one_of(("float32", "int64", "bool")), (2,))
    wrapped = np.where(at < 0, at + depth, at)
    hot = np.expand_dims(wrapped, axis) == np.arange(depth).reshape(
        [-1 if i == axis % (at.ndim + 1) else 1 for i in range(at.ndim + 1)])
    return Case("OneHot", [at, np.int64(depth).reshape(()), off_on], [np.where(hot, off_on[1], off_on[0])],
                {"axis": axis}, opset=11)


def choose(draw):
    """Compress and NonZero, whose shapes follow from values."""
    x = draw.values(draw.one_of(("float32", "int64", "bool")), draw.shape(least=1), 0, 2)
    if draw.chance():
        return Case("NonZero", [x], [np.stack(np.nonzero(x)).astype(np.int64)], opset=13)
    axis = None if draw.chance(0.3) else draw.axis(x.ndim)
    length = x.size if axis is None else x.shape[axis]
    mask = draw.values("bool", (draw.integer(0, length),))
    return Case("Compress", [x, mask], [np.compress(mask, x, axis)], {} if axis is None else {"axis": axis}, opset=11)


def triangle(draw):
    x = draw.values(draw.one_of(("float32", "int64", "float64")), draw.shape(least=2))
    k = draw.integer(-4, 4)
    upper = draw.chance()
    return Case("Trilu", [x, np.array(k, dtype=np.int64)], [(np.triu if upper else np.tril)(x, k)],
                {"upper": int(upper)}, opset=14)


def reverse_sequence(draw):
    time_major = draw.chance()
    x = draw.values("float32", draw.shape(least=2, empty=False))
    steps, batch = (0, 1) if time_major else (1, 0)
    lengths = draw.random.integers(1, x.shape[steps] + 1, x.shape[batch])
    answer = x.copy()
    for i, length in enumerate(lengths):
        if time_major:
            answer[:length, i] = x[:length, i][::-1]
        else:
            answer[i, :length] = x[i, :length][::-1]
    return Case("ReverseSequence", [x, lengths.astype(np.int64)], [answer],
                {"time_axis": steps, "batch_axis": batch}, opset=10)


def unique(draw):
    x = draw.values(draw.one_of(("float32", "int64")), draw.shape(least=1, most=3, empty=False), 0, 3)
    x = np.rint(x).astype(x.dtype)
    axis = None if draw.chance() else draw.axis(x.ndim)
    parts = np.unique(x, True, True, True, axis=axis)
    return Case("Unique", [x], [parts[0]] + [each.reshape(-1).astype(np.int64) for each in parts[1:]],
                {"sorted": 1} | ({} if axis is None else {"axis": axis}), opset=11)


FAMILY = (transpose, transpose, reshape, flatten, squeeze, slices, slices, concat, split, gather, gather_elements,
          gather_nd, scatter_elements, scatter_nd, pad, tile, expand, blocks, one_hot, choose, triangle,
          reverse_sequence, unique)
