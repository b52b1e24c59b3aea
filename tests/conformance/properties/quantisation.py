"""To 8 bits and back. Scales are powers of two, so that no answer hangs on the last bit of a quotient."""
import numpy as np

from case import Case


def scales(draw, shape):
    return (2.0 ** draw.random.integers(-5, 3, shape)).astype(np.float32)


def along(values, rank, axis):
    return values.reshape([-1 if i == axis % rank else 1 for i in range(rank)]) if values.ndim else values


def quantize(draw):
    x = draw.values("float32", draw.shape(least=1), -40, 40)
    x = np.rint(x * 16).astype(np.float32) / 16  # many ties
    axis = draw.axis(x.ndim)
    shape = (x.shape[axis],) if draw.chance() else ()
    scale, kind = scales(draw, shape), draw.one_of(("uint8", "int8"))
    zero = draw.values(kind, shape, -100, 200)
    info = np.iinfo(kind)
    exact = np.rint(x / along(scale, x.ndim, axis)) + along(zero.astype(np.int64), x.ndim, axis)
    return Case("QuantizeLinear", [x, np.asarray(scale), zero], [np.clip(exact, info.min, info.max).astype(kind)],
                {"axis": axis} if shape else {}, opset=13, constant=(1, 2) if draw.chance() else ())


def dequantize(draw):
    kind = draw.one_of(("uint8", "int8", "int32"))
    x = draw.values(kind, draw.shape(least=1), -500, 500)
    axis = draw.axis(x.ndim)
    shape = (x.shape[axis],) if draw.chance() else ()
    scale = scales(draw, shape)
    inputs = [x, np.asarray(scale)]
    wide = x.astype(np.float64)
    if kind != "int32" and draw.chance(0.8):
        inputs.append(draw.values(kind, shape, -100, 200))
        wide = wide - along(inputs[2].astype(np.float64), x.ndim, axis)
    return Case("DequantizeLinear", inputs, [(wide * along(scale, x.ndim, axis)).astype(np.float32)],
                {"axis": axis} if shape else {}, opset=13,
                constant=tuple(range(1, len(inputs))) if draw.chance() else ())


FAMILY = (quantize, dequantize)
