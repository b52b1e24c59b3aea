"""Where ONNX Runtime's library is: inside the npm package onnxruntime-node, installed under build/."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "onnxruntime-node@^1.30"


class Missing(Exception):
    pass


def library():
    """Its path; installs the package when it is not there. Missing, with the reason."""
    folder = ROOT / "build/ort"
    pattern = "node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime.so.1"
    if not list(folder.glob(pattern)):
        npm = shutil.which("npm")
        if npm is None:
            raise Missing("no npm: install Debian's nodejs and npm")
        folder.mkdir(parents=True, exist_ok=True)
        # Its own script after installing would fetch more from elsewhere.
        done = subprocess.run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund",
                               "--prefix", folder, PACKAGE], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or ["no reason given"]
            raise Missing(f"npm install {PACKAGE} failed: {words[-1]}")
    found = sorted(folder.glob(pattern))
    if not found:
        raise Missing(f"{PACKAGE} has no library for Linux on x64")
    return found[-1]
