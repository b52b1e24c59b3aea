#!/usr/bin/python3
"""Copies the small models of the conformance suites into a folder, as seeds of the fuzz targets over models.

  collect_models.py [--shared DIR] --build DIR --out DIR

The cases are generated in the build folder. A suite that cannot be had (no python3-onnx, no shared folder) is left
out. Names are hashes of what is in the files, as libFuzzer's are, so that the same model twice is one seed.
"""
import argparse
import hashlib
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance/suites"))
import run  # noqa: E402  # pylint: disable=wrong-import-position

LARGEST = 20_000  # bytes: a larger model is weights, and each of its runs is slow


def folders(shared, build):
    if shared:
        yield from (shared / name for name in ("onnx-node", "models"))
    try:
        yield run.made_cases(build, "generated_cases", "generate_cases.py")
        yield run.made_cases(build, "numpy_cases", "numpy_cases.py")
    except subprocess.CalledProcessError as error:
        print(f"not all cases can be generated: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=pathlib.Path)
    for name in ("build", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for folder in folders(args.shared, args.build):
        for model in folder.glob("**/model.onnx"):
            if model.stat().st_size <= LARGEST:
                data = model.read_bytes()
                (args.out / hashlib.sha1(data).hexdigest()).write_bytes(data)
    print(f"{len(list(args.out.iterdir()))} models as seeds")


if __name__ == "__main__":
    main()
