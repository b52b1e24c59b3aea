#!/usr/bin/python3
"""No step of a model of the shared folder runs by a kernel of oneDNN that is made for tests ("ref...").

  kernels.py --sluice PROGRAM --shared DIR

Each model runs once, with its recorded inputs where it has some, as `sluice bench engine --profile` does.
"""
import argparse
import json
import pathlib
import subprocess
import sys

SKIPPED = 77


def profile(sluice, folder):
    data = folder / "test_data_set_0"
    arguments = ["--data", data] if (data / "input_0.pb").exists() else []
    run = subprocess.run([sluice, "bench", "engine", folder / "model.onnx", "--seconds", "0", "--profile",
                          "--json", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(run.stdout)["steps"] if run.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--shared", required=True, type=pathlib.Path)
    args = parser.parse_args()
    folders = sorted(path.parent for path in (args.shared / "models").glob("*/model.onnx"))
    if not folders:
        print(f"SKIPPED: no models in {args.shared / 'models'}")
        return SKIPPED
    slow, steps, broken = [], 0, []
    for folder in folders:
        profiled = profile(args.sluice, folder)
        if profiled is None:
            broken.append(folder.name)
            continue
        steps += len(profiled)
        slow += [f"{folder.name}: {step['node']} ({step['operator']}) by {step['implementation']}, "
                 f"{step['shapes']}" for step in profiled if step["implementation"].startswith("ref")]
    print(f"{len(folders) - len(broken)} models, {steps} steps, {len(slow)} by kernels for tests")
    for text in slow + [f"{name}: was not run" for name in broken]:
        print(text)
    return 1 if slow or broken or steps == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
