"""Convolutions and pools: windows that slide over an image of one to three dims."""
import itertools

import numpy as np

from case import Case


class Window:
    """Kernel, strides, dilations and pads of one node, and where each output looks."""

    def __init__(self, draw, rank, dilated=True):
        self.kernel = [draw.integer(1, 5 if rank == 1 else 3) for _ in range(rank)]
        self.strides = [draw.integer(1, 3) for _ in range(rank)]
        self.dilations = [draw.integer(1, 2) if dilated and draw.chance(0.3) else 1 for _ in range(rank)]
        self.spans = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations)]
        self.low = [draw.integer(0, span // 2) if draw.chance() else 0 for span in self.spans]
        self.high = [draw.integer(0, span // 2) if draw.chance() else 0 for span in self.spans]

    def image(self, draw, smallest=1):
        return tuple(max(span - low - high, smallest) + draw.integer(0, 9)
                     for span, low, high in zip(self.spans, self.low, self.high))

    def outputs(self, image, ceil=False):
        sizes = []
        for n, span, stride, low, high in zip(image, self.spans, self.strides, self.low, self.high):
            free = n + low + high - span
            size = (-(-free // stride) if ceil else free // stride) + 1
            if ceil and (size - 1) * stride >= n + low:  # a window may not begin in the padding behind
                size -= 1
            sizes.append(size)
        return sizes

    def taps(self, place):
        """[(index in the kernel, index in the image, which may lie outside)]"""
        for at in itertools.product(*(range(k) for k in self.kernel)):
            yield at, tuple(p * s - low + a * d for p, s, low, a, d
                            in zip(place, self.strides, self.low, at, self.dilations))

    def attributes(self):
        return {"kernel_shape": self.kernel, "strides": self.strides, "dilations": self.dilations,
                "pads": self.low + self.high}


def inside(at, image):
    return all(0 <= i < n for i, n in zip(at, image))


def convolve(window, x, weights, group):
    n, m = x.shape[0], weights.shape[0]
    image = x.shape[2:]
    answer = np.zeros([n, m] + window.outputs(image))
    per, filters = x.shape[1] // group, m // group
    for place in np.ndindex(*answer.shape[2:]):
        for tap, at in window.taps(place):
            if inside(at, image):
                for g in range(group):
                    part = x[(slice(None), slice(g * per, (g + 1) * per)) + at]
                    own = weights[(slice(g * filters, (g + 1) * filters), slice(None)) + tap]
                    answer[(slice(None), slice(g * filters, (g + 1) * filters)) + place] += part @ own.T
    return answer


def conv_shape(draw):
    rank = draw.one_of((1, 2, 2, 2, 3))
    window = Window(draw, rank)
    group = draw.one_of((1, 1, 2, 3))
    per, filters = draw.integer(1, 5), draw.integer(1, 5)
    if draw.chance(0.25):  # depthwise
        group, per, filters = draw.one_of((3, 8, 17)), 1, draw.integer(1, 2)
    elif draw.chance(0.3):
        per, filters = draw.one_of((8, 16, 19)), draw.one_of((8, 16, 21))
    return window, group, (draw.integer(1, 2), per * group) + window.image(draw), [filters * group, per] + window.kernel


def conv(draw):
    window, group, image, weights = conv_shape(draw)
    x, w = draw.values("float32", image), draw.values("float32", weights)
    bias = draw.values("float32", (weights[0],)) if draw.chance() else None
    answer = convolve(window, x.astype(np.float64), w.astype(np.float64), group)
    if bias is not None:
        answer += bias.reshape([1, -1] + [1] * (x.ndim - 2))
    return Case("Conv", [x, w] + ([] if bias is None else [bias]), [answer.astype(np.float32)],
                window.attributes() | {"group": group}, opset=11,
                constant=() if draw.chance(0.3) else (1,) if bias is None else (1, 2))


def conv_same(draw):
    """By auto_pad; strides divide what is padded as the specification has it."""
    window, group, image, weights = conv_shape(draw)
    upper = draw.chance()
    for i, n in enumerate(image[2:]):
        out = -(-n // window.strides[i])
        need = max((out - 1) * window.strides[i] + window.spans[i] - n, 0)
        window.low[i], window.high[i] = (need // 2, need - need // 2) if upper else (need - need // 2, need // 2)
    x, w = draw.values("float32", image), draw.values("float32", weights)
    answer = convolve(window, x.astype(np.float64), w.astype(np.float64), group)
    attributes = window.attributes() | {"group": group, "auto_pad": "SAME_UPPER" if upper else "SAME_LOWER"}
    del attributes["pads"]
    return Case("Conv", [x, w], [answer.astype(np.float32)], attributes, opset=11)


def conv_integer(draw):
    window, group, image, weights = conv_shape(draw)
    x = draw.values("uint8", image, 0, 255)
    w = draw.values(draw.one_of(("uint8", "int8")), weights, -128, 255)
    inputs, wide = [x, w], [x.astype(np.float64), w.astype(np.float64)]
    if draw.chance(0.7):
        inputs.append(draw.values("uint8", (), 0, 255))
        wide[0] = wide[0] - inputs[2]
        if draw.chance():
            inputs.append(draw.values(w.dtype.name, (), -100, 200))
            wide[1] = wide[1] - inputs[3]
    return Case("ConvInteger", inputs, [convolve(window, *wide, group).astype(np.int32)],
                window.attributes() | {"group": group}, opset=10,
                constant=tuple(i for i in (1, 3) if i < len(inputs)) if draw.chance(0.7) else ())


def qlinear_conv(draw):
    window, group, image, weights = conv_shape(draw)
    kind = draw.one_of(("uint8", "int8"))
    x, w = draw.values(kind, image, -128, 255), draw.values("int8", weights, -128, 127)
    per_filter = draw.chance()
    scale_w = (2.0 ** -draw.random.integers(3, 7, weights[:1] if per_filter else ())).astype(np.float32)
    zero_w = np.zeros(scale_w.shape, np.int8)
    scale_x, scale_y = np.float32(2.0 ** -draw.integer(2, 5)), np.float32(2.0 ** draw.integer(0, 2))
    zero_x, zero_y = draw.values(kind, (), -20, 140), draw.values(kind, (), -20, 140)
    bias = draw.random.integers(-5000, 5000, weights[0]).astype(np.int32) if draw.chance() else None
    exact = convolve(window, x.astype(np.float64) - zero_x, w.astype(np.float64), group)
    along = [1, -1] + [1] * (x.ndim - 2)
    exact = exact if bias is None else exact + bias.reshape(along)
    exact = exact * (scale_x * (scale_w.reshape(along) if per_filter else scale_w))
    info = np.iinfo(kind)
    answer = np.clip(np.rint(exact / scale_y) + zero_y, info.min, info.max).astype(kind)
    inputs = [x, scale_x.reshape(()), zero_x, w, np.asarray(scale_w), zero_w, scale_y.reshape(()), zero_y]
    return Case("QLinearConv", inputs + ([] if bias is None else [bias]), [answer],
                window.attributes() | {"group": group}, opset=10,
                constant=tuple(range(1, 8 if bias is None else 9)))


def conv_transpose(draw):
    rank = draw.one_of((1, 2, 2, 3))
    window = Window(draw, rank)
    group, per, filters = draw.one_of((1, 1, 2)), draw.integer(1, 4), draw.integer(1, 4)
    image = tuple(draw.integer(1, 6) for _ in range(rank))
    more = [draw.integer(0, stride - 1) for stride in window.strides]
    out = [(n - 1) * s + span + extra - low - high for n, s, span, extra, low, high
           in zip(image, window.strides, window.spans, more, window.low, window.high)]
    if min(out) < 1:
        return conv_transpose(draw)
    x = draw.values("float32", (draw.integer(1, 2), per * group) + image)
    w = draw.values("float32", [per * group, filters] + window.kernel)
    answer = np.zeros([x.shape[0], filters * group] + out)
    for place in np.ndindex(*image):
        for tap, at in window.taps(place):
            if inside(at, out):
                for g in range(group):
                    rows = slice(g * per, (g + 1) * per)
                    answer[(slice(None), slice(g * filters, (g + 1) * filters)) + at] += \
                        x[(slice(None), rows) + place].astype(np.float64) @ w[(rows, slice(None)) + tap]
    return Case("ConvTranspose", [x, w], [answer.astype(np.float32)],
                window.attributes() | {"group": group, "output_padding": more}, opset=11,
                constant=(1,) if draw.chance() else ())


def pool(draw):
    op = draw.one_of(("MaxPool", "AveragePool", "LpPool"))
    window = Window(draw, draw.one_of((1, 2, 2, 3)))
    x = draw.values("float32", (draw.integer(1, 2), draw.one_of((1, 3, 8, 17))) + window.image(draw))
    ceil = draw.chance(0.3)
    image = x.shape[2:]
    answer = np.zeros(list(x.shape[:2]) + window.outputs(image, ceil))
    counts_padding = draw.chance()
    p = draw.integer(1, 3)
    for place in np.ndindex(*answer.shape[2:]):
        taps = [at for _, at in window.taps(place)]
        values = np.stack([x[(slice(None), slice(None)) + at].astype(np.float64) for at in taps if inside(at, image)]
                          or [np.full(x.shape[:2], -np.inf)])
        if op == "MaxPool":
            result = values.max(0)
        elif op == "LpPool":
            result = (np.abs(values) ** p).sum(0) ** (1 / p)
        else:  # what lies behind the padding, where ceil_mode looks, is never counted
            padded = [n + high for n, high in zip(image, window.high)]
            counted = sum(all(-low <= i < n for i, low, n in zip(at, window.low, padded)) for at in taps)
            result = values.sum(0) / (counted if counts_padding else len(values))
        answer[(slice(None), slice(None)) + place] = result
    attributes = window.attributes() | {"ceil_mode": int(ceil)}
    if op == "AveragePool":
        attributes["count_include_pad"] = int(counts_padding)
    elif op == "LpPool":
        attributes["p"] = p
    if not np.isfinite(answer).all():  # a window of padding alone: what it gives is not said
        return pool(draw)
    return Case(op, [x], [answer.astype(np.float32)], attributes, opset=19 if op != "LpPool" else 18)


def pool_all(draw):
    x = draw.values("float32", (draw.integer(1, 2), draw.integer(1, 20)) + draw.shape(least=1, most=3, empty=False))
    op = draw.one_of(("GlobalMaxPool", "GlobalAveragePool"))
    places = tuple(range(2, x.ndim))
    answer = (np.max if op == "GlobalMaxPool" else np.mean)(x.astype(np.float64), places, keepdims=True)
    return Case(op, [x], [answer.astype(np.float32)], opset=1)


FAMILY = (conv, conv, conv, conv_same, conv_integer, qlinear_conv, conv_transpose, pool, pool, pool_all)
