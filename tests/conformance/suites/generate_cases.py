#!/usr/bin/python3
"""Writes the node, simple and function cases that Debian's python3-onnx can make.

  generate_cases.py --out DIR      DIR/node/NAME/{model.onnx,test_data_set_K}, DIR/simple/NAME/...
"""
import argparse
import pathlib
import shutil
import sys
import warnings

sys.dont_write_bytecode = True
# numpy 1.24 dropped these names, which the cases of onnx 1.12 still use.
DROPPED = {"bool": bool, "object": object, "complex": complex, "int": int, "float": float, "str": str}


def generate(out):
    import numpy
    for name, meaning in DROPPED.items():
        if name not in numpy.__dict__:
            setattr(numpy, name, meaning)
    warnings.filterwarnings("ignore")  # of the cases' own arithmetic: overflow, division by zero
    from onnx.backend.test import cmd_tools
    cmd_tools.generate_data(argparse.Namespace(output=str(out), op_type=None))
    shutil.rmtree(out / "real")  # links to models on the internet


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
