"""Fourier transforms and windows."""
import numpy as np

from case import Case


def pairs(values):
    return np.stack([values.real, values.imag], -1).astype(np.float32)


def dft(draw):
    complex_in, inverse = draw.chance(), draw.chance(0.4)
    signal = draw.shape(least=2, most=3, empty=False)
    axis = draw.integer(1, len(signal) - 1)
    x = draw.values("float32", signal + ((2,) if complex_in else (1,)))
    wide = x[..., 0].astype(np.float64) + (1j * x[..., 1] if complex_in else 0)
    length = draw.integer(1, 20) if draw.chance(0.4) else None
    onesided = not complex_in and not inverse and draw.chance()
    answer = (np.fft.ifft if inverse else np.fft.fft)(wide, length, axis)
    if onesided:
        answer = np.take(answer, range(answer.shape[axis] // 2 + 1), axis)
    inputs = [x] + ([np.array(length, dtype=np.int64)] if length else [])
    return Case("DFT", inputs, [pairs(answer)], {"axis": axis, "inverse": int(inverse), "onesided": int(onesided)},
                opset=17)


def stft(draw):
    batch, frame, hop = draw.integer(1, 3), draw.integer(2, 17), draw.integer(1, 6)
    x = draw.values("float32", (batch, frame + draw.integer(0, 30), 1))
    window = draw.values("float32", (frame,), 0.1, 1) if draw.chance() else None
    onesided = draw.chance()
    frames = 1 + (x.shape[1] - frame) // hop
    cut = np.stack([x[:, i * hop:i * hop + frame, 0] for i in range(frames)], 1).astype(np.float64)
    answer = np.fft.fft(cut if window is None else cut * window, axis=-1)
    answer = answer[..., :frame // 2 + 1] if onesided else answer
    return Case("STFT", [x, np.array(hop, dtype=np.int64), window, np.array(frame, dtype=np.int64)], [pairs(answer)],
                {"onesided": int(onesided)}, opset=17)


def window(draw):
    op = draw.one_of(("HannWindow", "HammingWindow", "BlackmanWindow"))
    size, periodic = draw.integer(2, 40), draw.chance()
    angle = 2 * np.pi * np.arange(size) / (size if periodic else size - 1)
    answer = {"HannWindow": 0.5 - 0.5 * np.cos(angle), "HammingWindow": 25 / 46 - 21 / 46 * np.cos(angle),
              "BlackmanWindow": 0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)}[op]
    return Case(op, [np.array(size, dtype=np.int64)], [answer.astype(np.float32)], {"periodic": int(periodic)},
                opset=17)


FAMILY = (dft, dft, stft, window)
