#!/usr/bin/python3
"""Trains the two versions of the digit classifier and writes everything that is made from them.

  cluster/example/train_digits.py            needs Debian's python3-sklearn, python3-onnx, python3-numpy

Data: scikit-learn's bundled digits (1,797 images of 8x8 pixels, 0..16, from the UCI repository). A fifth of
each class is held out and never trained on. The network and its training are plain numpy; seeds are fixed.
Writes model.onnx and test_data_set_0/ of digits/1 and digits/2, five.png and five.json, and prints the
accuracies that README.md quotes. Not part of any build: its results are committed.
"""
import dataclasses
import json
import os
import struct
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 1
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Settings:
    """What differs between the versions."""
    first: int   # channels of the first convolution
    second: int  # and of the second
    hidden: int  # width of the first dense layer
    epochs: int

    @property
    def flat(self):
        return self.second * 16  # 4x4 cells are left after the pool


VERSIONS = {1: Settings(first=16, second=32, hidden=48, epochs=60),
            2: Settings(first=12, second=24, hidden=32, epochs=120)}


# --- the network: conv 3x3 -> relu -> conv 3x3 -> relu -> max-pool 2 -> dense -> relu -> dense -----------
def patches(x):
    """[N,C,H,W] -> [N,H,W,C*9]: the 3x3 neighbourhood of each pixel, zeros outside."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = x.shape
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def patches_back(grad, shape):
    """The transpose of patches()."""
    n, c, h, w = shape
    grad = grad.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), np.float32)
    for i in range(3):
        for j in range(3):
            padded[:, :, i:i + h, j:j + w] += grad[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def initial_weights(rng, of):
    def he(*shape, fan_in):
        return (rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype(np.float32)
    return {
        'conv1.weight': he(of.first, 1, 3, 3, fan_in=9), 'conv1.bias': np.zeros(of.first, np.float32),
        'conv2.weight': he(of.second, of.first, 3, 3, fan_in=of.first * 9),
        'conv2.bias': np.zeros(of.second, np.float32),
        'dense1.weight': he(of.flat, of.hidden, fan_in=of.flat), 'dense1.bias': np.zeros(of.hidden, np.float32),
        'dense2.weight': he(of.hidden, 10, fan_in=of.hidden), 'dense2.bias': np.zeros(10, np.float32),
    }


def forward(w, x):
    """x: [N,1,8,8] in 0..1. Returns probabilities [N,10] and what backward() needs."""
    p1 = patches(x)
    a1 = p1 @ w['conv1.weight'].reshape(len(w['conv1.bias']), -1).T + w['conv1.bias']
    r1 = np.maximum(a1, 0).transpose(0, 3, 1, 2)
    p2 = patches(r1)
    channels = len(w['conv2.bias'])
    a2 = p2 @ w['conv2.weight'].reshape(channels, -1).T + w['conv2.bias']
    r2 = np.maximum(a2, 0).transpose(0, 3, 1, 2)
    cells = r2.reshape(-1, channels, 4, 2, 4, 2)
    pooled = cells.max(axis=(3, 5))
    flat = pooled.reshape(len(x), channels * 16)
    a3 = flat @ w['dense1.weight'] + w['dense1.bias']
    r3 = np.maximum(a3, 0)
    logits = r3 @ w['dense2.weight'] + w['dense2.bias']
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), (p1, a1, r1, p2, a2, cells, pooled, flat, a3, r3)


def backward(w, kept, probabilities, labels):
    """Gradients of the mean cross-entropy."""
    p1, a1, r1, p2, a2, cells, pooled, flat, a3, r3 = kept
    n, channels = len(labels), len(w['conv2.bias'])
    g = probabilities.copy()
    g[np.arange(n), labels] -= 1
    g /= n
    grads = {'dense2.weight': r3.T @ g, 'dense2.bias': g.sum(0)}
    g = (g @ w['dense2.weight'].T) * (a3 > 0)
    grads.update({'dense1.weight': flat.T @ g, 'dense1.bias': g.sum(0)})
    g = (g @ w['dense1.weight'].T).reshape(n, channels, 4, 1, 4, 1)
    winners = cells == pooled[:, :, :, None, :, None]
    g = (winners * g / winners.sum(axis=(3, 5), keepdims=True)).reshape(n, channels, 8, 8)
    g = (g.transpose(0, 2, 3, 1) * (a2 > 0)).astype(np.float32)
    grads['conv2.weight'] = np.tensordot(g, p2, ([0, 1, 2], [0, 1, 2])).reshape(w['conv2.weight'].shape)
    grads['conv2.bias'] = g.sum((0, 1, 2))
    g = patches_back(g @ w['conv2.weight'].reshape(channels, -1), r1.shape)
    g = g.transpose(0, 2, 3, 1) * (a1 > 0)
    grads['conv1.weight'] = np.tensordot(g, p1, ([0, 1, 2], [0, 1, 2])).reshape(w['conv1.weight'].shape)
    grads['conv1.bias'] = g.sum((0, 1, 2))
    return grads


def train(images, labels, of):
    """Adam over shifted copies of the training images; the rate falls to a tenth twice."""
    rng = np.random.default_rng(SEED)
    w = initial_weights(rng, of)
    first = {k: np.zeros_like(v) for k, v in w.items()}
    second = {k: np.zeros_like(v) for k, v in w.items()}
    step = 0
    for epoch in range(of.epochs):
        rate = 2e-3 * 0.1 ** (epoch * 3 // of.epochs)
        for at in np.array_split(rng.permutation(len(images)), len(images) // BATCH):
            dy, dx = rng.integers(-1, 2, 2)
            batch = np.roll(images[at], (dy, dx), (2, 3))
            step += 1
            probabilities, kept = forward(w, batch)
            for k, g in backward(w, kept, probabilities, labels[at]).items():
                g = g + 1e-4 * w[k]
                first[k] = 0.9 * first[k] + 0.1 * g
                second[k] = 0.999 * second[k] + 0.001 * g * g
                m = first[k] / (1 - 0.9 ** step)
                v = second[k] / (1 - 0.999 ** step)
                w[k] = (w[k] - rate * m / (np.sqrt(v) + 1e-8)).astype(np.float32)
    return w


# --- what is written ---------------------------------------------------------------------------------------
def onnx_model(w):
    nodes = [
        helper.make_node('Conv', ['image', 'conv1.weight', 'conv1.bias'], ['a1'], name='conv1',
                         kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['a1'], ['r1'], name='relu1'),
        helper.make_node('Conv', ['r1', 'conv2.weight', 'conv2.bias'], ['a2'], name='conv2',
                         kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['a2'], ['r2'], name='relu2'),
        helper.make_node('MaxPool', ['r2'], ['pooled'], name='pool', kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node('Flatten', ['pooled'], ['flat'], name='flatten', axis=1),
        helper.make_node('Gemm', ['flat', 'dense1.weight', 'dense1.bias'], ['a3'], name='dense1'),
        helper.make_node('Relu', ['a3'], ['r3'], name='relu3'),
        helper.make_node('Gemm', ['r3', 'dense2.weight', 'dense2.bias'], ['logits'], name='dense2'),
        helper.make_node('Softmax', ['logits'], ['probabilities'], name='softmax', axis=1),
        helper.make_node('ArgMax', ['logits'], ['digit'], name='argmax', axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes, 'digits',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['batch', 1, 8, 8])],
        [helper.make_tensor_value_info('digit', TensorProto.INT64, ['batch']),
         helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, ['batch', 10])],
        [numpy_helper.from_array(v, k) for k, v in w.items()],
        doc_string='Handwritten digits of 8x8 pixels, white on black, 0..1.')
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], producer_name='sluice')
    model.ir_version = 7
    model.doc_string = graph.doc_string
    onnx.checker.check_model(model, full_check=True)
    return model


def write(path, data):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def tensor_bytes(array, name):
    return numpy_helper.from_array(array, name).SerializeToString()


def png_bytes(pixels):
    """8-bit grey PNG of a [H,W] uint8 array."""
    def chunk(kind, body):
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
    h, w = pixels.shape
    rows = b''.join(b'\0' + row.tobytes() for row in pixels)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 0, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows, 9)) + chunk(b'IEND', b''))


def split(labels):
    """Indices to train on and a fifth of each class to hold out."""
    rng = np.random.default_rng(SEED)
    held = []
    for digit in range(10):
        of_digit = rng.permutation(np.flatnonzero(labels == digit))
        held.extend(of_digit[:len(of_digit) // 5])
    held = np.sort(np.array(held))
    return np.setdiff1d(np.arange(len(labels)), held), held


def write_version(version, w, sample):
    folder = f'digits/{version}/'
    write(folder + 'model.onnx', onnx_model(w).SerializeToString())
    probabilities, _ = forward(w, sample)
    folder += 'test_data_set_0/'
    write(folder + 'input_0.pb', tensor_bytes(sample, 'image'))
    write(folder + 'output_0.pb', tensor_bytes(probabilities.argmax(1).astype(np.int64), 'digit'))
    write(folder + 'output_1.pb', tensor_bytes(probabilities, 'probabilities'))


def write_five(pixels):
    write('five.png', png_bytes(pixels))
    request = {'inputs': [{'name': 'image', 'shape': [1, 1, 8, 8], 'datatype': 'FP32',
                           'data': [round(float(p) / 255, 4) for p in pixels.ravel()]}]}
    write('five.json', (json.dumps(request) + '\n').encode())


def main():
    digits = load_digits()
    images = (digits.images.astype(np.float32) / 16)[:, None, :, :]
    labels = digits.target
    train_at, held_at = split(labels)
    for version, settings in VERSIONS.items():
        w = train(images[train_at], labels[train_at], settings)
        answers, _ = forward(w, images[held_at])
        right = answers.argmax(1) == labels[held_at]
        weights = sum(v.size for v in w.values())
        print(f'version {version}: {weights} weights; held out: {right.sum()} of {len(right)} right, '
              f'{100 * right.mean():.2f} %')
        write_version(version, w, images[held_at[:4]])
        if version == 1:
            five = held_at[(labels[held_at] == 5) & right][0]
            write_five(np.round(images[five, 0] * 255).astype(np.uint8))


if __name__ == '__main__':
    main()
