#!/usr/bin/env python3
"""Writes the seeds of the model and tensor fuzz targets beside itself. Needs onnx and numpy."""
import os
import numpy as np
from onnx import TensorProto as T, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))


def save(kind, name, message):
    with open(os.path.join(HERE, kind, name), 'wb') as out:
        out.write(message.SerializeToString() if hasattr(message, 'SerializeToString') else message)


def model(nodes, inits=(), opset=13, ir=8, dims=(1, 2)):
    graph = helper.make_graph(nodes, 'g', [helper.make_tensor_value_info('x', T.FLOAT, list(dims))],
                              [helper.make_tensor_value_info('y', T.FLOAT, None)], list(inits))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    made.ir_version = ir
    return made


def w(shape, name='w'):
    return numpy_helper.from_array(np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape), name)


node = helper.make_node
save('model', 'add', model([node('Add', ['x', 'w'], ['y'])], [w((1, 2))]))
save('model', 'unsorted', model([node('Relu', ['a'], ['y']), node('Neg', ['x'], ['a'])]))
save('model', 'cycle', model([node('Add', ['x', 'y'], ['a']), node('Neg', ['a'], ['y'])]))
save('model', 'conv', model([node('Conv', ['x', 'w'], ['c'], pads=[1, 1, 1, 1]), node('Relu', ['c'], ['y'])],
                            [w((2, 1, 3, 3))], dims=('n', 1, 4, 4)))
save('model', 'large', model([node('MatMul', ['x', 'w'], ['y'])], [w((2, 300))]))
save('model', 'gemm', model([node('Gemm', ['x', 'w'], ['y'], transB=1)], [w((3, 2))]))
save('model', 'reshape', model([node('Constant', [], ['s'], value=numpy_helper.from_array(np.array([2, -1]))),
                                node('Reshape', ['x', 's'], ['y'])]))
save('model', 'unknown', model([node('NoSuchOp', ['x'], ['y'])]))
save('model', 'empty', b'')
external = w((1, 2))
external.ClearField('raw_data')
external.data_location = T.EXTERNAL
entry = external.external_data.add()
entry.key, entry.value = 'location', '../passwd'
save('model', 'external', model([node('Add', ['x', 'w'], ['y'])], [external]))
branch = helper.make_graph([node('Neg', ['x'], ['z'])], 'b', [], [helper.make_tensor_value_info('z', T.FLOAT, None)])
save('model', 'if', model([node('If', ['x'], ['y'], then_branch=branch, else_branch=branch)]))

save('tensor', 'raw', w((2, 2)))
save('tensor', 'typed', helper.make_tensor('t', T.INT32, [3], [1, -2, 3]))
save('tensor', 'floats', helper.make_tensor('f', T.FLOAT, [2], [0.5, float('nan')]))
save('tensor', 'doubles', helper.make_tensor('d', T.DOUBLE, [1], [1e300]))
save('tensor', 'strings', helper.make_tensor('s', T.STRING, [2], [b'a', b'bc']))
save('tensor', 'half', helper.make_tensor('h', T.FLOAT16, [2], [1.0, 2.0]))
save('tensor', 'bool', helper.make_tensor('b', T.BOOL, [2], [True, False]))
save('tensor', 'scalar', helper.make_tensor('i', T.INT64, [], [7]))
save('tensor', 'cut', w((2, 2)).SerializeToString()[:-3])
