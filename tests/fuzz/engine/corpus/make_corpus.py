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

# What has broken something once.
HUGE = 2**63 - 1


def integers(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def integer_product(op, shape):
    """Of bytes, with a zero point of floats and open shapes."""
    inputs = [helper.make_tensor_value_info('x', T.UINT8, None)]
    outputs = [helper.make_tensor_value_info('y', T.INT32, None)]
    inits = [numpy_helper.from_array(np.ones(shape, np.uint8), 'w'), numpy_helper.from_array(np.float32(1), 'z')]
    graph = helper.make_graph([node(op, ['x', 'w', '', 'z'], ['y'])], 'g', inputs, outputs, inits)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 10)], ir_version=5, producer_name='')


save('model', 'float8', model([node('Cast', ['x'], ['a'], to=17), node('Add', ['a', 'a'], ['b']),
                               node('Cast', ['b'], ['y'], to=1)], opset=19))
save('model', 'int4', model([node('Cast', ['x'], ['a'], to=22), node('EyeLike', ['a'], ['b']),
                             node('Cast', ['b'], ['y'], to=1)], opset=21))
save('model', 'bytes_overflow', model([node('Expand', ['x', 's'], ['a']), node('ReduceMax', ['a'], ['y'])],
                                      [integers('s', 2**31, 2**30, 2)]))
save('model', 'strings_overflow', model([node('Cast', ['x'], ['a'], to=8), node('Expand', ['a', 's'], ['b']),
                                         node('Equal', ['b', 'b'], ['c']), node('Cast', ['c'], ['y'], to=1)],
                                        [integers('s', 2**40, 2)], opset=19))
save('model', 'huge_input', model([node('ScatterND', ['x', 'i', 'u'], ['y'])], [integers('i', 0), w((1,), 'u')],
                                  dims=(30, HUGE, 4)))
save('model', 'reduce_nothing', model([node('Expand', ['x', 's'], ['a']), node('ReduceMin', ['a'], ['y'], axes=[1])],
                                      [integers('s', 3, 1, 0, 1)]))
body = helper.make_graph([node('Identity', ['c'], ['d']), node('Neg', ['v'], ['z'])], 'b',
                         [helper.make_tensor_value_info(name, T.FLOAT, None) for name in ('t', 'c', 'v')],
                         [helper.make_tensor_value_info(name, T.FLOAT, None) for name in ('d', 'z')])
save('model', 'loop_left_out', model([node('Loop', ['n', '', ''], ['y'], body=body)], [integers('n', 2)]))
save('model', 'pool_places', model([node('Cast', ['x'], ['a'], to=2),
                                    node('MaxPool', ['a'], ['b'], kernel_shape=[1], pads=[2**31 - 1, 0]),
                                    node('Cast', ['b'], ['y'], to=1)], dims=(1, 1, 1)))
save('model', 'slice_step', model([node('Slice', ['x', 'i', 'n', 'a', 'n'], ['y'])],
                                  [integers('i', 0), integers('a', 0), integers('n', HUGE)], dims=(2, 3)))
save('model', 'prelu_lowest', model([node('PRelu', ['l', 'l'], ['a']), node('Cast', ['a'], ['b'], to=1),
                                     node('Add', ['x', 'b'], ['y'])], [integers('l', -HUGE - 1)]))
save('model', 'pad_away', model([node('Pad', ['x', 'p'], ['y'])], [integers('p', 0, -1, 0, -1)]))
save('model', 'filter', model([node('Resize', ['x', 'r', 's'], ['y'], mode='linear', antialias=1,
                                    coordinate_transformation_mode='tf_crop_and_resize')],
                              [numpy_helper.from_array(np.array(v, np.float32), name)
                               for name, v in (('r', (0, 0, 1, 4e30)), ('s', (1, 1e-30)))], opset=18))
save('model', 'pool_text', model([node('AveragePool', ['x'], ['a'], kernel_shape=[1, 1]),
                                  node('Cast', ['a'], ['b'], to=8), node('Flatten', ['b'], ['c']),
                                  node('Cast', ['c'], ['y'], to=1)],
                                 dims=(1, 2, 2, 3)))
save('model', 'split_nothing', model([node('Expand', ['x', 's'], ['a']), node('Split', ['a'], ['y', 'z'], axis=0)],
                                     [integers('s', 4, 1, 0)], dims=(1, 1)))
save('model', 'conv_zero_of_floats', integer_product('ConvInteger', (1, 1, 2, 2)))
save('model', 'matmul_zero_of_floats', integer_product('MatMulInteger', (2, 2)))
inner = helper.make_graph([], 'b', [helper.make_tensor_value_info('e', T.FLOAT, None)],
                          [helper.make_tensor_value_info('list', T.FLOAT, None)])
save('model', 'map_to_sequence', model([node('SequenceConstruct', ['x'], ['list']),
                                        node('SequenceMap', ['list'], ['made'], body=inner),
                                        node('ConcatFromSequence', ['made'], ['y'], axis=0)], opset=17))
save('model', 'softmax_axis', model([node('Mul', ['x', 'f'], ['a']), node('Softmax', ['a'], ['y'], axis=HUGE)],
                                    [w((), 'f')]))
save('model', 'conv_both_ends', model([node('Conv', ['x', 'w'], ['c'], pads=[4, 4], dilations=[2]),
                                       node('Relu', ['c'], ['y'])], [w((16, 16, 5))], dims=(1, 16, 7)))
save('model', 'conv_groups', model([node('Conv', ['x', 'w'], ['y'], group=2**62)], [w((2, 2, 1))], dims=(1, 1, 1)))
save('model', 'bias_of_70', model([node('MatMul', ['x', 'w'], ['a']), node('Add', ['a', 'b'], ['y'])],
                                  [w((16, 70)), w((70,), 'b')], dims=(6, 16)))
save('model', 'pad_axes_twice', model([node('Pad', ['x', 'p', '', 'a'], ['b']), node('Conv', ['b', 'w'], ['y'])],
                                      [integers('p', HUGE, HUGE, 0, 0), integers('a', 2, 2), w((1, 1, 3, 3))],
                                      opset=18, dims=(1, 1, 4, 4)))

save('tensor', 'raw', w((2, 2)))
save('tensor', 'typed', helper.make_tensor('t', T.INT32, [3], [1, -2, 3]))
save('tensor', 'floats', helper.make_tensor('f', T.FLOAT, [2], [0.5, float('nan')]))
save('tensor', 'doubles', helper.make_tensor('d', T.DOUBLE, [1], [1e300]))
save('tensor', 'strings', helper.make_tensor('s', T.STRING, [2], [b'a', b'bc']))
save('tensor', 'half', helper.make_tensor('h', T.FLOAT16, [2], [1.0, 2.0]))
save('tensor', 'bool', helper.make_tensor('b', T.BOOL, [2], [True, False]))
save('tensor', 'scalar', helper.make_tensor('i', T.INT64, [], [7]))
save('tensor', 'cut', w((2, 2)).SerializeToString()[:-3])
