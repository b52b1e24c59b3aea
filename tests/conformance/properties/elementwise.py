"""Operators that work element by element, with numpy's broadcasting."""
import math

import numpy as np

from case import FLOATS, INTEGERS, ONNX_TYPES, SIGNED, UNSIGNED, Case

NUMBERS = FLOATS + INTEGERS
BINARY = {
    "Add": (np.add, NUMBERS), "Sub": (np.subtract, NUMBERS), "Mul": (np.multiply, NUMBERS),
    "Equal": (np.equal, NUMBERS + ("bool",)), "Less": (np.less, NUMBERS), "Greater": (np.greater, NUMBERS),
    "LessOrEqual": (np.less_equal, NUMBERS), "GreaterOrEqual": (np.greater_equal, NUMBERS),
    "And": (np.logical_and, ("bool",)), "Or": (np.logical_or, ("bool",)), "Xor": (np.logical_xor, ("bool",)),
}
VARIADIC = {"Max": np.maximum, "Min": np.minimum, "Sum": np.add, "Mean": np.add}
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


# With the range that its input is drawn from; the answers are computed in float64.
UNARY = {
    "Abs": (np.abs, -4, 4), "Neg": (np.negative, -4, 4), "Ceil": (np.ceil, -4, 4), "Floor": (np.floor, -4, 4),
    "Round": (np.rint, -4, 4), "Sqrt": (np.sqrt, 0, 9), "Exp": (np.exp, -4, 4), "Log": (np.log, 0.01, 9),
    "Sin": (np.sin, -9, 9), "Cos": (np.cos, -9, 9), "Tan": (np.tan, -1.4, 1.4), "Sinh": (np.sinh, -4, 4),
    "Cosh": (np.cosh, -4, 4), "Tanh": (np.tanh, -6, 6), "Asin": (np.arcsin, -1, 1), "Acos": (np.arccos, -1, 1),
    "Atan": (np.arctan, -4, 4), "Asinh": (np.arcsinh, -4, 4), "Acosh": (np.arccosh, 1, 9),
    "Atanh": (np.arctanh, -0.95, 0.95), "Reciprocal": (np.reciprocal, 0.1, 4), "Sign": (np.sign, -4, 4),
    "Erf": (erf, -3, 3), "Sigmoid": (sigmoid, -9, 9), "Relu": (lambda x: np.maximum(x, 0), -4, 4),
    "Softplus": (lambda x: np.log1p(np.exp(x)), -9, 9), "Softsign": (lambda x: x / (1 + np.abs(x)), -4, 4),
    "HardSwish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), -6, 6),
    "Mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), -6, 6),
}
WITH_ALPHA = {
    "LeakyRelu": lambda x, alpha: np.where(x < 0, alpha * x, x),
    "Elu": lambda x, alpha: np.where(x < 0, alpha * np.expm1(x), x),
    "Celu": lambda x, alpha: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    "ThresholdedRelu": lambda x, alpha: np.where(x > alpha, x, 0),
}


def unary(draw):
    op = draw.one_of(sorted(UNARY))
    compute, low, high = UNARY[op]
    dtype = draw.one_of(FLOATS if op in ("Abs", "Neg", "Sqrt", "Exp", "Relu", "Ceil", "Floor") else ("float32",))
    x = draw.values(dtype, draw.shape(), low, high)
    opset = 18 if op == "Mish" else 14
    return Case(op, [x], [np.asarray(compute(x.astype(np.float64))).astype(dtype)], opset=opset)


def unary_integer(draw):
    op = draw.one_of(("Abs", "Neg", "Sign"))
    x = draw.values(draw.one_of(SIGNED), draw.shape(), -100, 100)
    return Case(op, [x], [{"Abs": np.abs, "Neg": np.negative, "Sign": np.sign}[op](x)], opset=13)


def with_alpha(draw):
    op = draw.one_of(sorted(WITH_ALPHA))
    alpha = round(float(draw.random.uniform(0.1, 2)), 3)
    x = draw.values("float32", draw.shape())
    return Case(op, [x], [np.asarray(WITH_ALPHA[op](x.astype(np.float64), alpha)).astype(np.float32)],
                {"alpha": alpha}, opset=12)


def binary(draw):
    op = draw.one_of(sorted(BINARY))
    compute, dtypes = BINARY[op]
    shape = draw.shape()
    dtype = draw.one_of(dtypes)
    pair = [draw.values(dtype, draw.broadcast(shape), -9, 9), draw.values(dtype, shape, -9, 9)]
    if draw.chance():
        pair.reverse()
    if draw.chance(0.2):
        pair[0].flat[:] = pair[0].flat[0] if pair[0].size else 0
    with np.errstate(over="ignore"):
        return Case(op, pair, [compute(*pair)], opset=19 if op == "Equal" else 16)


def divide(draw):
    """Towards zero for integers, as C has it."""
    shape = draw.shape()
    dtype = draw.one_of(NUMBERS)
    a = draw.values(dtype, shape, -90, 90)
    b = draw.values(dtype, draw.broadcast(shape), 1, 9)
    if dtype in SIGNED and draw.chance():
        b = -b
    exact = a / b if dtype in FLOATS else np.trunc(a.astype(np.float64) / b.astype(np.float64))
    return Case("Div", [a, b], [np.asarray(exact).astype(dtype)], opset=14)


def modulo(draw):
    shape = draw.shape()
    fmod = draw.chance()
    dtype = draw.one_of(NUMBERS if fmod else INTEGERS)
    a = draw.values(dtype, shape, -90, 90)
    b = draw.values(dtype, draw.broadcast(shape), 1, 9)
    if dtype in SIGNED and draw.chance():
        b = -b
    return Case("Mod", [a, b], [(np.fmod if fmod else np.mod)(a, b)], {"fmod": int(fmod)} if fmod else {}, opset=13)


def power(draw):
    shape = draw.shape()
    base, exponent = draw.one_of(("float32", "float64", "int32", "int64")), draw.one_of(("float32", "int32", "int64"))
    a = draw.values(base, shape, 1, 4)
    b = draw.values(exponent, draw.broadcast(shape), 0, 3)
    return Case("Pow", [a, b], [np.power(a.astype(np.float64), b.astype(np.float64)).astype(base)]
                if base in FLOATS or exponent != "float32" else
                [np.trunc(np.power(a.astype(np.float64), b.astype(np.float64))).astype(base)], opset=15)


def variadic(draw):
    op = draw.one_of(sorted(VARIADIC))
    dtype = draw.one_of(NUMBERS if op in ("Max", "Min") else FLOATS)
    shape = draw.shape()
    many = [draw.values(dtype, draw.broadcast(shape)) for _ in range(draw.integer(0, 3))] + [
        draw.values(dtype, shape)]
    total = many[0].astype(np.float64)
    for each in many[1:]:
        total = VARIADIC[op](total, each.astype(np.float64))
    if op == "Mean":
        total = total / len(many)
    return Case(op, many, [np.asarray(total).astype(dtype)], opset=13)


def bits(draw):
    op = draw.one_of(("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"))
    shape = draw.shape()
    dtype = draw.one_of(UNSIGNED if op == "BitShift" else INTEGERS)
    a = draw.values(dtype, shape, -100, 100)
    if op == "BitwiseNot":
        return Case(op, [a], [np.invert(a)], opset=18)
    b = draw.values(dtype, draw.broadcast(shape), 0, 7 if op == "BitShift" else 100)
    if op == "BitShift":
        left = draw.chance()
        return Case(op, [a, b], [(np.left_shift if left else np.right_shift)(a, b)],
                    {"direction": "LEFT" if left else "RIGHT"}, opset=11)
    compute = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}[op]
    return Case(op, [a, b], [compute(a, b)], opset=18)


def where(draw):
    shape = draw.shape()
    dtype = draw.one_of(NUMBERS + ("bool",))
    three = [draw.values("bool", draw.broadcast(shape)), draw.values(dtype, draw.broadcast(shape)),
             draw.values(dtype, shape)]
    return Case("Where", three, [np.where(*three)], opset=16)


def prelu(draw):
    x = draw.values("float32", draw.shape())
    slope = draw.values("float32", draw.broadcast(x.shape))
    return Case("PRelu", [x, slope], [np.where(x < 0, x * slope, x)], opset=16)


def clip(draw):
    dtype = draw.one_of(NUMBERS)
    x = draw.values(dtype, draw.shape(), -9, 9)
    low = None if draw.chance(0.3) else draw.values(dtype, (), -4, 0)
    high = None if draw.chance(0.3) else draw.values(dtype, (), 1, 5)
    answer = x if low is None else np.maximum(x, low)
    answer = answer if high is None else np.minimum(answer, high)
    return Case("Clip", [x, low, high], [answer], opset=13)


def cast(draw):
    """Of values that both types have."""
    source, target = draw.one_of(NUMBERS + ("bool",)), draw.one_of(NUMBERS + ("bool",))
    x = draw.values(source, draw.shape(), 0 if target in UNSIGNED else -100, 100)
    return Case("Cast", [x], [x.astype(target)], {"to": ONNX_TYPES[target]}, opset=13)


FAMILY = (unary, unary_integer, with_alpha, binary, binary, divide, modulo, power, variadic, bits, where, prelu,
          clip, cast)
