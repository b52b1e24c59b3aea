"""Matrix products."""
import numpy as np

from case import Case


def batches(draw, shape):
    return tuple(1 if draw.chance(0.3) else dim for dim in shape)[draw.integer(0, len(shape)) if shape else 0:]


def sizes(draw):
    """Around the widths of vectors and tiles."""
    return [draw.one_of((0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 65) if draw.chance(0.06)
                        else (1, 2, 3, 5, 8, 9, 16, 17, 24, 31, 33, 64, 70)) for _ in range(3)]


def matmul(draw):
    m, k, n = sizes(draw)
    shape = draw.shape(most=2, empty=False, largest=3)
    dtype = draw.one_of(("float32", "float32", "float64", "int32", "int64"))
    a = draw.values(dtype, batches(draw, shape) + (m, k))
    b = draw.values(dtype, shape + (k, n))
    if draw.chance(0.15):
        a = draw.values(dtype, (k,))
    elif draw.chance(0.15):
        b = draw.values(dtype, (k,))
    answer = np.matmul(a.astype(np.float64), b.astype(np.float64))
    return Case("MatMul", [a, b], [np.asarray(answer).astype(dtype)], opset=13, constant=(1,) if draw.chance() else ())


def gemm(draw):
    m, k, n = sizes(draw)
    turn_a, turn_b = draw.chance(0.3), draw.chance()
    a = draw.values("float32", (k, m) if turn_a else (m, k))
    b = draw.values("float32", (n, k) if turn_b else (k, n))
    c = None if draw.chance(0.2) else draw.values("float32", draw.broadcast((m, n)))
    alpha, beta = (1.0, 1.0) if draw.chance() else (0.5, -2.0)
    answer = alpha * (a.T if turn_a else a).astype(np.float64) @ (b.T if turn_b else b).astype(np.float64)
    answer = answer if c is None else answer + beta * c
    return Case("Gemm", [a, b] + ([] if c is None else [c]), [answer.astype(np.float32)],
                {"alpha": alpha, "beta": beta, "transA": int(turn_a), "transB": int(turn_b)}, opset=13,
                constant=draw.one_of(((), (1,), (1, 2) if c is not None else (1,))))


def matmul_integer(draw):
    m, k, n = sizes(draw)
    shape = draw.shape(most=1, empty=False, largest=3)
    kinds = draw.one_of(("uint8", "int8")), draw.one_of(("uint8", "int8"))
    a = draw.values(kinds[0], shape + (m, k), -128, 255)
    b = draw.values(kinds[1], (k, n), -128, 255)
    inputs, wide = [a, b], [a.astype(np.int64), b.astype(np.int64)]
    if draw.chance(0.7):
        inputs.append(draw.values(kinds[0], (), -128, 255))
        wide[0] = wide[0] - inputs[2].astype(np.int64)
        if draw.chance(0.7):
            inputs.append(draw.values(kinds[1], (n,) if draw.chance(0.3) else (), -128, 255))
            wide[1] = wide[1] - inputs[3].astype(np.int64)
    return Case("MatMulInteger", inputs, [np.matmul(*wide).astype(np.int32)], opset=10,
                constant=tuple(i for i in (1, 3) if i < len(inputs)) if draw.chance() else ())


def quantize(exact, scale, zero):
    info = np.iinfo(zero.dtype)
    return np.clip(np.rint(exact / scale) + zero, info.min, info.max).astype(zero.dtype)


def qlinear_matmul(draw):
    m, k, n = sizes(draw)
    kind = draw.one_of(("uint8", "int8"))
    a, b = draw.values(kind, (m, k), -128, 255), draw.values(kind, (k, n), -128, 255)
    # Powers of two: nothing is near a tie but exact ones.
    scales = [np.float32(2.0 ** -draw.integer(2, 6)) for _ in range(2)] + [np.float32(2.0 ** draw.integer(0, 3))]
    zeros = [draw.values(kind, (), -20, 140) for _ in range(3)]
    exact = (a.astype(np.float64) - zeros[0]) @ (b.astype(np.float64) - zeros[1]) * scales[0] * scales[1]
    return Case("QLinearMatMul", [a, scales[0].reshape(()), zeros[0], b, scales[1].reshape(()), zeros[1],
                                  scales[2].reshape(()), zeros[2]], [quantize(exact, scales[2], zeros[2])], opset=10,
                constant=(1, 2, 3, 4, 5, 6, 7) if draw.chance() else ())


EQUATIONS = ("ij,jk->ik", "bij,bjk->bik", "ij->ji", "ii->i", "ii", "ij->i", "i,j->ij", "bij,bkj->bik", "ijk->kji",
             "bhid,bhjd->bhij", "...ij,...jk->...ik", "i,i->", "ij,ij->ij", "bi,bij->bj", "ij,jk,kl->il", "ij,kj->ik")


def einsum(draw):
    equation = draw.one_of(EQUATIONS)
    dims = {letter: draw.integer(1, 6) for letter in "bhijkld"}
    more = draw.shape(most=2, empty=False, largest=3)
    inputs = []
    for term in equation.split("->")[0].split(","):
        shape = more if "..." in term else ()
        inputs.append(draw.values("float32", shape + tuple(dims[letter] for letter in term.replace("...", ""))))
    answer = np.einsum(equation, *(each.astype(np.float64) for each in inputs))
    return Case("Einsum", inputs, [np.asarray(answer).astype(np.float32)], {"equation": equation}, opset=12)


FAMILY = (matmul, matmul, gemm, gemm, matmul_integer, qlinear_matmul, einsum)
