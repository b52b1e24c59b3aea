#!/usr/bin/python3
"""Writes add/1/model.onnx, sum = a + b over [batch, 4] floats: the smallest model worth a request.

Needs Debian's python3-onnx and python3-numpy. Not part of any build: its results are committed.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'add', '1')


def write(name, proto):
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(proto.SerializeToString())


def main():
    a, b, total = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ['batch', 4]) for name in ('a', 'b', 'sum'))
    graph = helper.make_graph([helper.make_node('Add', ['a', 'b'], ['sum'], name='add')], 'add', [a, b], [total])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], producer_name='sluice')
    model.ir_version = 7
    onnx.checker.check_model(model, full_check=True)
    write('model.onnx', model)
    left = np.array([[1, 2, 3, 4], [0.5, -0.5, 0, 1e6]], np.float32)
    right = np.array([[10, 20, 30, 40], [0.25, 0.5, -1, 1]], np.float32)
    write('test_data_set_0/input_0.pb', numpy_helper.from_array(left, 'a'))
    write('test_data_set_0/input_1.pb', numpy_helper.from_array(right, 'b'))
    write('test_data_set_0/output_0.pb', numpy_helper.from_array(left + right, 'sum'))


if __name__ == '__main__':
    main()
