#!/usr/bin/env python3
"""Writes models with the operators of the domain sluice.test beside itself. Needs python3-onnx.

Each takes `input`, float32 [batch, n], and gives it back as `output`:
abort aborts the process when an element is 666, sleep and spin wait as many milliseconds as the first
element says. Workers load them only with LoadOptions::test_operators.
"""
import os
from onnx import TensorProto as T, helper

HERE = os.path.dirname(os.path.abspath(__file__))

for op in ('Abort', 'Sleep', 'Spin'):
    graph = helper.make_graph([helper.make_node(op, ['input'], ['output'], name=op.lower(), domain='sluice.test')],
                              op.lower(), [helper.make_tensor_value_info('input', T.FLOAT, ['batch', 'n'])],
                              [helper.make_tensor_value_info('output', T.FLOAT, ['batch', 'n'])])
    model = helper.make_model(graph, producer_name='make_models', opset_imports=[
        helper.make_opsetid('', 17), helper.make_opsetid('sluice.test', 1)])
    model.ir_version = 8
    folder = os.path.join(HERE, op.lower())
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'model.onnx'), 'wb') as out:
        out.write(model.SerializeToString())
