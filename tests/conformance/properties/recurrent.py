"""RNN, GRU and LSTM, step by step as the specification writes them."""
import numpy as np

from case import Case


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


ACTIVATIONS = {"Sigmoid": sigmoid, "Tanh": np.tanh, "Relu": lambda x: np.maximum(x, 0)}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def step(op, x, state, cell, w, r, wb, rb, peepholes, acts, before_reset):
    hidden = state.shape[-1]
    f, g, h = (acts + acts[-1:] * 2)[:3]
    if op == "RNN":
        return f(x @ w.T + state @ r.T + wb + rb), cell
    if op == "GRU":
        cut = [slice(i * hidden, (i + 1) * hidden) for i in range(3)]
        z = f(x @ w[cut[0]].T + state @ r[cut[0]].T + wb[cut[0]] + rb[cut[0]])
        reset = f(x @ w[cut[1]].T + state @ r[cut[1]].T + wb[cut[1]] + rb[cut[1]])
        inner = (reset * (state @ r[cut[2]].T + rb[cut[2]]) if not before_reset
                 else (reset * state) @ r[cut[2]].T + rb[cut[2]])
        return (1 - z) * g(x @ w[cut[2]].T + inner + wb[cut[2]]) + z * state, cell
    gates = x @ w.T + state @ r.T + wb + rb
    i, o, forget, c = np.split(gates, 4, -1)
    pi, po, pf = np.split(peepholes, 3)
    i, forget = f(i + pi * cell), f(forget + pf * cell)
    cell = forget * cell + i * g(c)
    return f(o + po * cell) * h(cell), cell


def run(op, x, lengths, parts, acts, before_reset, backwards):
    w, r, bias, state, cell, peepholes = parts
    steps, batch = x.shape[:2]
    wb, rb = np.split(bias, 2)
    out = np.zeros((steps, batch, state.shape[-1]))
    state, cell = state.copy(), cell.copy()
    for b in range(batch):
        order = range(lengths[b])
        for t in (reversed(order) if backwards else order):
            state[b], cell[b] = step(op, x[t, b], state[b], cell[b], w, r, wb, rb, peepholes, acts, before_reset)
            out[t, b] = state[b]
    return out, state, cell


def recurrent(draw):
    op = draw.one_of(sorted(GATES))
    direction = draw.one_of(("forward", "reverse", "bidirectional"))
    ways = 2 if direction == "bidirectional" else 1
    steps, batch, size = draw.integer(1, 6), draw.integer(1, 5), draw.integer(1, 9)
    hidden = draw.one_of((1, 3, 8, 16, 19))
    many = GATES[op] * hidden
    names = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}[op]
    named = draw.chance(0.3)
    most = 0.2 if named else 1  # a Relu bounds nothing
    x = draw.values("float32", (steps, batch, size), -2, 2)
    w = draw.values("float32", (ways, many, size), -most, most)
    r = draw.values("float32", (ways, many, hidden), -most, most)
    bias = draw.values("float32", (ways, 2 * many), -1, 1) if draw.chance(0.7) else None
    lengths = draw.random.integers(1, steps + 1, batch).astype(np.int32) if draw.chance(0.4) else None
    first = draw.values("float32", (ways, batch, hidden), -1, 1) if draw.chance() else None
    inputs = [x, w, r, bias, lengths, first]
    attributes = {"hidden_size": hidden, "direction": direction}
    cell = peepholes = None
    if op == "LSTM":
        cell = draw.values("float32", (ways, batch, hidden), -1, 1) if draw.chance() else None
        peepholes = draw.values("float32", (ways, 3 * hidden), -1, 1) if draw.chance(0.3) else None
        inputs += [cell, peepholes]
    elif op == "GRU":
        attributes["linear_before_reset"] = draw.integer(0, 1)
    if named:
        names = tuple(draw.one_of(sorted(ACTIVATIONS)) for _ in names)
        attributes["activations"] = list(names) * ways
    whole = np.full(batch, steps) if lengths is None else lengths
    zero = np.zeros((ways, batch, hidden))
    ys, hs, cs = [], [], []
    for way in range(ways):
        parts = (w[way].astype(np.float64), r[way].astype(np.float64),
                 np.zeros(2 * many) if bias is None else bias[way].astype(np.float64),
                 (zero if first is None else first.astype(np.float64))[way],
                 (zero if cell is None else cell.astype(np.float64))[way],
                 np.zeros(3 * hidden) if peepholes is None else peepholes[way].astype(np.float64))
        backwards = direction == "reverse" or way == 1
        y, h, c = run(op, x.astype(np.float64), whole, parts, [ACTIVATIONS[name] for name in names],
                      not attributes.get("linear_before_reset"), backwards)
        ys, hs, cs = ys + [y], hs + [h], cs + [c]
    outputs = [np.stack(ys, 1), np.stack(hs)] + ([np.stack(cs)] if op == "LSTM" else [])
    while inputs[-1] is None:
        inputs.pop()
    return Case(op, inputs, [each.astype(np.float32) for each in outputs], attributes, opset=14,
                constant=(1, 2) if inputs[3:] == [] or bias is None else (1, 2, 3))


FAMILY = (recurrent,)
