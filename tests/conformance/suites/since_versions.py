#!/usr/bin/python3
"""Holds the since-versions of docs/operators.md, which a test holds to the registry, against those of
the specification: up to opset 17 as the onnx package knows them, behind that by the list below.

  since_versions.py
"""
import collections
import pathlib
import re
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]

SKIPPED = 77
# Of onnx/defs/operator_sets.h (to 22; 23 has three more by now) and the release notes of ONNX 1.18 and 1.19.
SINCE = {
    18: """BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization LpPool Mish
        OptionalGetElement OptionalHasElement Pad ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
        ReduceMean ReduceMin ReduceProd ReduceSumSquare Resize ScatterElements ScatterND Split""",
    19: """AveragePool Cast CastLike Constant DeformConv DequantizeLinear Equal Identity If Loop Pad
        QuantizeLinear Reshape Resize Scan Shape Size""",
    20: """AffineGrid ConstantOfShape DFT Gelu GridSample ImageDecoder IsInf IsNaN ReduceMax ReduceMin
        RegexFullMatch StringConcat StringSplit""",
    21: """Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten GroupNormalization Identity If Loop
        Pad QLinearMatMul QuantizeLinear Reshape Scan Shape Size Squeeze Transpose Unsqueeze""",
    22: """Acos Acosh Asin Asinh Atan Atanh AveragePool Bernoulli Conv ConvTranspose Cos Cosh DeformConv Det
        Dropout Elu EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish
        InstanceNormalization LSTM LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool Mish Multinomial
        NegativeLogLikelihoodLoss RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike RoiAlign
        Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu""",
    23: """Attention Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad
        QuantizeLinear RMSNormalization Reshape RotaryEmbedding Scan Shape Size Squeeze Transpose Unsqueeze""",
    24: """Attention Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad
        QuantizeLinear Reshape Scan Shape Size SplitToSequence Squeeze Swish TensorScatter TopK Transpose
        Unsqueeze""",
}
SINCE_ML = {4: "LabelEncoder", 5: "TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor"}
# Without any kernel, so that they are refused whatever their opset.
UNKNOWN = {"Attention", "ImageDecoder", "RotaryEmbedding", "TensorScatter"}
# Known to the registry as versions without a kernel, which the document leaves out.
LACKS = {"Upsample": {10}}


def documented():
    """By domain and operator: the versions; none for what is refused."""
    found = collections.defaultdict(dict)
    domain = None
    for line in (ROOT / "docs/operators.md").read_text().splitlines():
        if heading := re.match(r"## (\S+)$", line):
            domain = heading[1]
        if row := re.match(r"\| (\w+) \| ([\d, ]+|refused) \|$", line):
            versions = row[2].split(", ") if row[2] != "refused" else []
            found[domain][row[1]] = {int(version) for version in versions}
    return found


def specified(onnx):
    """The same by the specification."""
    wanted = collections.defaultdict(lambda: collections.defaultdict(set))
    newest = {"": 17, "ai.onnx.ml": 3}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.since_version <= newest.get(schema.domain, 0):
            wanted[schema.domain or "ai.onnx"][schema.name].add(schema.since_version)
    for domain, since in (("ai.onnx", SINCE), ("ai.onnx.ml", SINCE_ML)):
        for opset, names in since.items():
            for name in names.split():
                wanted[domain][name].add(opset)
    return wanted


def main():
    try:
        import onnx.defs  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("SKIPPED: no python3-onnx")
        return SKIPPED
    found = documented()
    wrong = 0
    for domain, operators in specified(onnx).items():
        for name, versions in operators.items():
            got = found[domain].get(name)
            if (got is None and name in UNKNOWN) or got == set():
                continue
            if got is None or got | LACKS.get(name, set()) != versions:
                wrong += 1
                print(f"{domain}.{name}: {sorted(got or [])}, specified {sorted(versions)}")
        for name in found[domain].keys() - operators.keys():
            wrong += 1
            print(f"{domain}.{name}: not specified")
    print(f"{sum(map(len, found.values()))} operators, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
