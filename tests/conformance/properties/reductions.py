"""Operators that make one value of many, along axes."""
import numpy as np

from case import Case

SUMS = {
    "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceProd": np.prod,
    "ReduceL1": lambda x, **how: np.sum(np.abs(x), **how),
    "ReduceL2": lambda x, **how: np.sqrt(np.sum(x * x, **how)),
    "ReduceSumSquare": lambda x, **how: np.sum(x * x, **how),
    "ReduceLogSum": lambda x, **how: np.log(np.sum(x, **how)),
    "ReduceLogSumExp": lambda x, **how: np.log(np.sum(np.exp(x), **how)),
}


def reduce(draw):
    op = draw.one_of(sorted(SUMS) + ["ReduceMax", "ReduceMin"])
    integers = ("int32", "int64") if op not in ("ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp") else ()
    dtype = draw.one_of(("float32", "float64") + integers + (("int8", "uint8") if op[6:] in ("Max", "Min") else ()))
    low, high = (0.5, 2) if op in ("ReduceProd", "ReduceLogSum") else (-4, 4)
    x = draw.values(dtype, draw.shape(most=5, empty=False), low, high)
    axes = draw.some_of(range(x.ndim))
    keep = draw.chance()
    named = [axis - x.ndim if draw.chance(0.3) else axis for axis in axes]
    compute = SUMS.get(op) or {"ReduceMax": np.max, "ReduceMin": np.min}[op]
    wide = x if dtype not in ("float32",) else x.astype(np.float64)
    nothing = not axes and draw.chance()
    how = {"axis": tuple(axes) if axes else tuple(range(x.ndim)), "keepdims": keep}
    # Without axes each element is reduced by itself: a ReduceSumSquare squares.
    with np.errstate(over="ignore"):  # a float32 product of many is infinite
        answer = np.asarray(compute(wide[None], axis=0) if nothing else compute(wide, **how)).astype(dtype)
    attributes = {"keepdims": int(keep)}
    if nothing:
        return Case(op, [x, np.array([], dtype=np.int64)], [answer], attributes | {"noop_with_empty_axes": 1}, opset=18)
    if draw.chance() and op != "ReduceSum" and dtype not in ("int8", "uint8"):
        return Case(op, [x], [answer], attributes | ({"axes": named} if axes else {}), opset=13)
    return Case(op, [x, np.array(named, dtype=np.int64)], [answer], attributes, opset=18,
                constant=(1,) if draw.chance() else ())


def arg(draw):
    x = np.rint(draw.values("float32", draw.shape(least=1, empty=False), -3, 3)).astype(
        draw.one_of(("float32", "int32", "float64")))
    axis, keep, last = draw.axis(x.ndim), draw.chance(), draw.chance()
    greatest = draw.chance()
    if last:
        turned = np.flip(x, axis)
        at = x.shape[axis] - 1 - (np.argmax if greatest else np.argmin)(turned, axis)
    else:
        at = (np.argmax if greatest else np.argmin)(x, axis)
    at = np.expand_dims(at, axis) if keep else at
    return Case("ArgMax" if greatest else "ArgMin", [x], [np.asarray(at).astype(np.int64)],
                {"axis": axis, "keepdims": int(keep), "select_last_index": int(last)}, opset=13)


def cumulative(draw):
    x = draw.values(draw.one_of(("float32", "float64", "int32", "int64")), draw.shape(least=1))
    axis, exclusive, backwards = draw.axis(x.ndim), draw.chance(), draw.chance()
    turned = np.flip(x, axis) if backwards else x
    total = np.cumsum(turned.astype(np.float64), axis)
    if exclusive:
        total = total - turned
    total = np.flip(total, axis) if backwards else total
    return Case("CumSum", [x, np.array(axis, dtype=np.int64)], [total.astype(x.dtype)],
                {"exclusive": int(exclusive), "reverse": int(backwards)}, opset=14)


def top(draw):
    x = np.rint(draw.values("float32", draw.shape(least=1, empty=False), -5, 5)).astype(
        draw.one_of(("float32", "float64", "int64", "int32")))
    axis, largest = draw.axis(x.ndim), draw.chance()
    k = draw.integer(0 if draw.chance(0.1) else 1, x.shape[axis])
    order = np.argsort(-x if largest else x, axis, kind="stable")  # of equals the lower index first
    at = np.take(order, range(k), axis)
    return Case("TopK", [x, np.array([k], dtype=np.int64)], [np.take_along_axis(x, at, axis), at.astype(np.int64)],
                {"axis": axis, "largest": int(largest)}, opset=11)


FAMILY = (reduce, reduce, reduce, arg, cumulative, top)
