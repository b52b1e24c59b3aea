#!/usr/bin/python3
"""Asks ONNX Runtime for a second opinion on what our engine answers: see ort_opinion.cc.

  run.py ORT_OPINION --shared DIR --build DIR
"""
import argparse
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench/engine"))
import ort_package  # noqa: E402

SKIPPED = 77
SYNTHETIC = ["add", "mlp_784_256_10", "mobilenet_v2"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    args = parser.parse_args()
    try:
        library = ort_package.library()
    except ort_package.Missing as reason:
        print(f"SKIPPED: no second opinion: {reason}")
        return SKIPPED
    built = args.build / "synthetic_models"
    folders = [built / name for name in SYNTHETIC]
    missing = [folder.name for folder in folders if not (folder / "model.onnx").exists()]
    if missing:
        subprocess.run(["/usr/bin/python3", ROOT / "bench/engine/make_synthetic.py", "--out", built,
                        *missing], check=True, stdout=subprocess.DEVNULL)
    contrib = args.build / "contrib_models"
    subprocess.run(["/usr/bin/python3", pathlib.Path(__file__).with_name("contrib_models.py"),
                    "--out", contrib], check=True)
    drawn = args.build / "random_models"
    subprocess.run(["/usr/bin/python3", pathlib.Path(__file__).with_name("random_models.py"),
                    "--out", drawn], check=True)
    folders += [contrib, drawn]
    for name in ("models", "onnx-node"):
        if (args.shared / name).is_dir():
            folders.append(args.shared / name)
        else:
            print(f"without {args.shared / name}: it is not there")
    return subprocess.run([args.program, library, *folders], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
