#!/usr/bin/python3
"""Small models of com.microsoft operators, each with a few variants, for the second opinion.

  contrib_models.py --out DIR     writes DIR/NAME/model.onnx
"""
import argparse
import pathlib

import numpy as np

for missing in ("bool", "object", "complex", "float", "int", "str"):  # gone from NumPy 1.24 on
    if missing not in np.__dict__:
        setattr(np, missing, {"bool": bool, "object": object, "complex": complex, "float": float,
                              "int": int, "str": str}[missing])
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RANDOM = np.random.default_rng(5)
FLOAT, UINT8, INT8, INT32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def integers(low, high, datatype, *shape):
    return RANDOM.integers(low, high, shape).astype(datatype)


def model(op, inputs, outputs, domain="com.microsoft", **attributes):
    """inputs: arrays are constants, (datatype, shape) are the model's, None is left out."""
    names, declared, constants = [], [], []
    for place, value in enumerate(inputs):
        name = f"in{place}"
        names.append("" if value is None else name)
        if isinstance(value, np.ndarray):
            constants.append(numpy_helper.from_array(value, name))
        elif value is not None:
            declared.append(helper.make_tensor_value_info(name, *value))
    made = ["" if datatype is None else f"out{i}" for i, datatype in enumerate(outputs)]
    node = helper.make_node(op, names, made, name=op.lower(), domain=domain, **attributes)
    answers = [helper.make_tensor_value_info(f"out{i}", datatype, None)
               for i, datatype in enumerate(outputs) if datatype is not None]
    graph = helper.make_graph([node], op, declared, answers, constants)
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])


def packed_weights(n, blocks, block, bits):
    blob = block * bits // 8
    return integers(0, 256, np.uint8, n, blocks, blob)


def attention():
    """Batch 2, 3 tokens, 8 numbers in, 2 heads of 4."""
    def made(*more, outputs=1, hidden=24, **attributes):
        given = [(FLOAT, [2, 3, 8]), floats(8, hidden), floats(hidden), *more]
        return model("Attention", given, [FLOAT] * outputs, num_heads=2, **attributes)

    yield "attention", made()
    yield "attention_causal", made(unidirectional=1)
    yield "attention_scale", made(scale=0.3)
    yield "attention_sizes", made(hidden=8 + 8 + 12, qkv_hidden_sizes=[8, 8, 12])
    masks = {"lengths": [2, 3], "begins": [2, 3, 1, 0], "cumulated": [3, 1, 0, 3, 6, 0, 3, 4],
             "rows": [[1, 1, 0], [1, 0, 1]],
             "each": [[[1, 0, 0], [1, 1, 0], [1, 1, 1]], [[1, 1, 1], [0, 1, 1], [1, 0, 1]]]}
    for name, mask in masks.items():
        yield f"attention_mask_{name}", made(np.array(mask, np.int32))
    yield "attention_mask_causal", made(np.array([[1, 0, 1], [1, 1, 1]], np.int32), unidirectional=1,
                                        mask_filter_value=-50.0)
    past = (FLOAT, [2, 2, 2, 5, 4])
    yield "attention_past", made(None, past, outputs=2)
    yield "attention_past_causal", made(None, past, outputs=2, unidirectional=1)
    yield "attention_past_mask", made(integers(0, 2, np.int32, 2, 8), past, outputs=2)
    yield "attention_bias", made(None, None, (FLOAT, [2, 2, 3, 3]))


def multi_head_attention():
    """Batch 2, 3 queries, 5 keys, 2 heads of 4."""
    def made(query, key, value, *more, outputs=1, **attributes):
        return model("MultiHeadAttention", [query, key, value, *more], [FLOAT] * outputs, num_heads=2,
                     **attributes)

    query, key, value = (FLOAT, [2, 3, 8]), (FLOAT, [2, 5, 8]), (FLOAT, [2, 5, 8])
    yield "multi_head", made(query, key, value)
    yield "multi_head_bias", made(query, key, value, floats(24))
    yield "multi_head_scale", made(query, key, value, scale=0.7)
    yield "multi_head_lengths", made(query, key, value, None, np.array([4, 2], np.int32))
    yield "multi_head_mask", made(query, key, value, None, integers(0, 2, np.int32, 2, 5))
    yield "multi_head_mask_each", made(query, key, value, None, integers(0, 2, np.int32, 2, 3, 5))
    yield "multi_head_added", made(query, key, value, None, None, (FLOAT, [1, 2, 3, 5]))
    yield "multi_head_present", made(query, key, value, floats(24), outputs=3)
    past = (FLOAT, [2, 2, 4, 4])
    same = (FLOAT, [2, 3, 8])
    yield "multi_head_past", made(query, same, same, None, None, None, past, past, outputs=3)
    yield "multi_head_past_causal", made(query, same, same, None, None, None, past, past, outputs=3,
                                         unidirectional=1)
    apart = (FLOAT, [2, 2, 5, 4])
    yield "multi_head_cross", made(query, apart, apart)
    yield "multi_head_cross_bias", made(query, apart, apart, floats(24))
    yield "multi_head_wide", made(query, key, (FLOAT, [2, 5, 12]))
    yield "multi_head_packed", made((FLOAT, [2, 3, 2, 3, 4]), None, None)
    yield "multi_head_packed_keys", made(query, (FLOAT, [2, 5, 2, 2, 4]), None)


def on_bytes(scale, zero):
    """Operators of static quantization. Products of a byte and less than 64, as above."""
    narrow = integers(-63, 64, np.int8, 8, 4)
    columns = abs(floats(4)) + 0.01
    bias = integers(-900, 900, np.int32, 4)
    out = [np.array(np.float32(0.3)), np.array(np.uint8(120))]
    rows = [(UINT8, [3, 8]), np.array(scale), np.array(zero)]
    plain = [narrow, np.array(scale), np.array(np.int8(0))]
    yield "qgemm", model("QGemm", [*rows, *plain, bias, *out], [UINT8])
    yield "qgemm_float", model("QGemm", [*rows, *plain, bias], [FLOAT], alpha=0.5)
    yield "qgemm_columns", model(
        "QGemm", [*rows, narrow.T.copy(), columns, np.zeros(4, np.int8), bias, *out], [UINT8], transB=1)
    yield "qgemm_a", model("QGemm", [(UINT8, [8, 3]), *rows[1:], *plain], [FLOAT], transA=1)
    one = [np.array(scale), np.array(zero)]
    yield "qlinear_where", model(
        "QLinearWhere", [np.array([[True], [False]]), (UINT8, [2, 3]), *one, (UINT8, [2, 3]), *out, *out],
        [UINT8])
    tokens, weights = (UINT8, [2, 3, 8]), integers(-63, 64, np.int8, 8, 24)
    wide = [np.array(scale), np.array(np.float32(0.01))]
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    zeros = [np.array(zero), np.array(np.int8(0))]
    yield "q_attention", model("QAttention", [tokens, weights, floats(24), *wide, None, *zeros], [FLOAT],
                               num_heads=2)
    yield "q_attention_mask", model("QAttention", [tokens, weights, floats(24), *wide, mask, *zeros],
                                    [FLOAT], num_heads=2)
    yield "q_attention_past", model(
        "QAttention", [tokens, weights, floats(24), *wide, None, *zeros, floats(2, 2, 2, 5, 4)],
        [FLOAT, FLOAT], num_heads=2, unidirectional=1)
    # ONNX Runtime rounds what the weights multiply to bytes, in each step.
    for name, directions, per in (("", 1, 1), ("_both_ways", 2, 1), ("_columns", 1, 16)):
        scales = np.full((directions, per) if per > 1 else directions, 0.005, np.float32)
        zeros = np.zeros_like(scales, dtype=np.int8)
        yield f"dynamic_quantize_lstm{name}", model(
            "DynamicQuantizeLSTM",
            [(FLOAT, [3, 2, 8]), integers(-63, 64, np.int8, directions, 8, 16),
             integers(-63, 64, np.int8, directions, 4, 16), floats(directions, 32), None, None, None, None,
             scales, zeros, scales, zeros],
            [FLOAT, FLOAT, FLOAT], hidden_size=4, direction="bidirectional" if directions > 1 else "forward")


def cases():
    row = (FLOAT, [2, 3, 8])
    yield "gelu", model("Gelu", [row], [FLOAT])
    yield "bias_gelu", model("BiasGelu", [row, floats(8)], [FLOAT])
    yield "fast_gelu", model("FastGelu", [row], [FLOAT])
    yield "fast_gelu_bias", model("FastGelu", [row, floats(8)], [FLOAT])
    yield "quick_gelu", model("QuickGelu", [row], [FLOAT], alpha=1.5)
    yield "quick_gelu_default", model("QuickGelu", [row], [FLOAT])

    yield "simplified_layer_norm", model("SimplifiedLayerNormalization", [row, floats(8)], [FLOAT],
                                         domain="", axis=-1, epsilon=1e-4)
    yield "skip_layer_norm", model("SkipLayerNormalization", [row, row, floats(8), floats(8), floats(8)],
                                   [FLOAT], epsilon=1e-3)
    yield "skip_layer_norm_sum", model("SkipLayerNormalization", [row, row, floats(8)],
                                       [FLOAT, None, None, FLOAT])
    yield "skip_simplified", model("SkipSimplifiedLayerNormalization", [row, row, floats(8), floats(8)],
                                   [FLOAT, None, None, FLOAT], epsilon=1e-5)
    ids = (INT32, [2, 5])
    mask = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], np.int32)
    tables = [floats(100, 8), floats(16, 8), floats(100, 8)]
    yield "embed_layer_norm", model("EmbedLayerNormalization",
                                    [ids, ids, *tables, floats(8), floats(8), mask], [FLOAT, INT32])
    yield "embed_no_segments", model("EmbedLayerNormalization",
                                     [ids, None, *tables[:2], None, floats(8), floats(8)], [FLOAT, INT32])
    places = integers(0, 16, np.int32, 2, 5)
    yield "embed_positions", model(
        "EmbedLayerNormalization",
        [ids, ids, *tables, floats(8), floats(8), None, places], [FLOAT, INT32, FLOAT])

    left, right = (FLOAT, [2, 4, 6]), (FLOAT, [2, 6, 3])
    yield "fused_matmul", model("FusedMatMul", [left, right], [FLOAT], alpha=0.5)
    yield "fused_matmul_a", model("FusedMatMul", [(FLOAT, [2, 6, 4]), right], [FLOAT], transA=1)
    yield "fused_matmul_b", model("FusedMatMul", [left, (FLOAT, [2, 3, 6])], [FLOAT], transB=1, alpha=2.0)
    yield "fused_matmul_constant", model("FusedMatMul", [left, floats(3, 6)], [FLOAT], transB=1, alpha=2.0)
    yield "fused_matmul_a_constant", model("FusedMatMul", [(FLOAT, [2, 6, 4]), floats(6, 3)], [FLOAT],
                                           transA=1, alpha=3.0)
    yield "fused_gemm", model("FusedGemm", [(FLOAT, [4, 6]), floats(3, 6), floats(3)], [FLOAT], transB=1,
                              activation="LeakyRelu", activation_alpha=0.2)
    yield "fused_gemm_relu", model("FusedGemm", [(FLOAT, [4, 6]), floats(6, 3), floats(4, 3)], [FLOAT],
                                   alpha=0.5, beta=2.0, activation="Relu")
    image = (FLOAT, [1, 4, 6, 6])
    yield "fused_conv", model("FusedConv", [image, floats(5, 4, 3, 3), floats(5)], [FLOAT],
                              activation="Relu", pads=[1, 1, 1, 1])
    yield "fused_conv_sum", model("FusedConv", [image, floats(6, 2, 1, 1), floats(6), floats(1, 6, 6, 6)],
                                  [FLOAT], activation="Relu", group=2)
    yield "fused_conv_clip", model("FusedConv", [image, floats(4, 4, 3, 3)], [FLOAT], activation="Clip",
                                   activation_params=[-0.5, 0.5])
    yield "fused_conv_sigmoid", model("FusedConv", [image, floats(4, 4, 3, 3), floats(4)], [FLOAT],
                                      activation="HardSigmoid", activation_params=[0.3, 0.4])

    bytes_in = (UINT8, [3, 8])
    scale, zero = np.float32(0.02), np.uint8(7)
    yield "matmul_integer_to_float", model(
        "MatMulIntegerToFloat",
        [bytes_in, integers(-128, 128, np.int8, 8, 4), np.array([scale]), np.array([scale]),
         np.array([zero]), np.array([3], np.int8), floats(4)], [FLOAT])
    yield "matmul_integer_to_float_columns", model(
        "MatMulIntegerToFloat",
        [bytes_in, integers(0, 255, np.uint8, 8, 4), np.array(scale), abs(floats(4)) + 0.01], [FLOAT])
    # Two products of a byte and more than 63 saturate in ONNX Runtime without VNNI.
    yield "dynamic_quantize_matmul", model(
        "DynamicQuantizeMatMul",
        [(FLOAT, [2, 3, 8]), integers(-63, 64, np.int8, 8, 4), abs(floats(4)) + 0.01, None, floats(4)],
        [FLOAT])
    yield "dynamic_quantize_matmul_zero", model(
        "DynamicQuantizeMatMul",
        [(FLOAT, [3, 8]), integers(0, 255, np.uint8, 8, 4), np.array([scale]), np.array([zero])], [FLOAT])
    yield from on_bytes(scale, zero)
    weights = dict(K=40, N=5, block_size=16)
    tokens = (FLOAT, [2, 3, 40])
    yield "matmul_4_bits", model("MatMulNBits", [tokens, packed_weights(5, 3, 16, 4), floats(15)], [FLOAT],
                                 bits=4, **weights)
    yield "matmul_4_bits_zeros", model(
        "MatMulNBits", [tokens, packed_weights(5, 3, 16, 4), floats(15), integers(0, 256, np.uint8, 10)],
        [FLOAT], bits=4, **weights)
    yield "matmul_4_bits_real_zeros", model(
        "MatMulNBits", [tokens, packed_weights(5, 3, 16, 4), floats(15), floats(15)], [FLOAT], bits=4,
        **weights)
    # ONNX Runtime reads the first 8 groups of a block for all of it, and with groups, also with those that
    # say nothing new, it gives packed zero points another meaning than without.
    groups = np.concatenate([np.tile(integers(0, 3, np.int32, 8), 2) for _ in range(3)])
    yield "matmul_4_bits_groups", model(
        "MatMulNBits", [tokens, packed_weights(5, 3, 16, 4), floats(15), None, groups], [FLOAT], bits=4,
        **weights)
    yield "matmul_4_bits_groups_real_zeros", model(
        "MatMulNBits", [tokens, packed_weights(5, 3, 16, 4), floats(15), floats(15), groups[:40]], [FLOAT],
        bits=4, **weights)
    yield "matmul_8_bits", model(
        "MatMulNBits",
        [tokens, packed_weights(5, 3, 16, 8), floats(15), integers(0, 256, np.uint8, 15), None, floats(5)],
        [FLOAT], bits=8, **weights)
    yield from attention()
    yield from multi_head_attention()
    yield "quantize", model("QuantizeLinear", [(FLOAT, [4, 5]), np.array(scale), np.array(zero)], [UINT8])
    yield "quantize_axis", model("QuantizeLinear",
                                 [(FLOAT, [4, 5]), abs(floats(4)) + 0.01, integers(-5, 5, np.int8, 4)],
                                 [INT8], axis=0)
    yield "dequantize", model("DequantizeLinear", [(UINT8, [4, 5]), abs(floats(5)) + 0.01,
                                                   integers(0, 9, np.uint8, 5)], [FLOAT], axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    for name, made in cases():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(made.SerializeToString())


if __name__ == "__main__":
    main()
