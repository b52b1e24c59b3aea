#!/usr/bin/python3
"""Runs `sluice check` over a suite of test cases and holds the outcome against what is expected.

  run.py SUITE --sluice PROGRAM --shared DIR --build DIR [--write]

SUITE is `generated` (by python3-onnx), `numpy` (answers computed with it), `onnx-node` or `models` (both of
the shared folder). What is expected stands in SUITE.expected, a line a case:

  pass NAME
  fail|unsupported|error NAME: why
  any NAME: why                    its outcome is left to chance
  tolerance SCALE NAME: why        is compared with --atol-scale SCALE

A case whose outcome is not the expected one, that is not listed, or that is listed and not there
fails the suite. `--write` rewrites the lines of what passes; the others are written by hand.

`--optimized`: each model as `sluice optimize` writes it, and as it is where that says it cannot.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
WORST_LAST = ["pass", "unsupported", "fail", "error"]
MODEL_SCALE = "1e-4"
# What `sluice optimize` says of a model that can be loaded and not written.
CANNOT_WRITE = ("is the engine's own", "is of opset", "is a type", "sequence of maps")


def read_expected(path):
    """({case: (status, why)}, {case: tolerance})"""
    expected, tolerances = {}, {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        what, _, why = line.partition(": ")
        words = what.split()
        if len(words) == 3 and words[0] == "tolerance" and why:
            tolerances[words[2]] = words[1]
        elif len(words) == 2 and words[0] in WORST_LAST + ["any"] and words[1] not in expected \
                and bool(why) == (words[0] != "pass"):
            expected[words[1]] = (words[0], why)
        else:
            sys.exit(f"{path.name}:{number}: cannot read this line: {line}")
    return expected, tolerances


def check(sluice, arguments):
    """{case: (status, detail)} of its worst set."""
    run = subprocess.run([sluice, "check", "--json", *map(str, arguments)],
                         stdout=subprocess.PIPE, text=True, check=False)
    *lines, counts = [json.loads(line) for line in run.stdout.splitlines()]
    all_pass = counts["pass"] == len(lines)
    if run.returncode != (0 if all_pass else 1) or sum(counts.values()) != len(lines):
        sys.exit(f"sluice check ended with {run.returncode} and these counts: {counts}")
    outcome = {}
    for line in lines:
        before = outcome.get(line["case"], ("pass", ""))
        if WORST_LAST.index(line["status"]) >= WORST_LAST.index(before[0]):
            outcome[line["case"]] = (line["status"], line["detail"])
    return outcome


def optimized(sluice, folders, to):
    """The cases below the folders with models written by `sluice optimize`, in a folder of their own."""
    shutil.rmtree(to, ignore_errors=True)
    kept = collections.Counter()
    for folder in folders:
        for model in [folder / "model.onnx"] if (folder / "model.onnx").exists() else folder.glob("*/model.onnx"):
            case = to / model.parent.name
            case.mkdir(parents=True)
            for path in model.parent.iterdir():
                if path != model:
                    (case / path.name).symlink_to(path.resolve())
            done = subprocess.run([sluice, "optimize", model, "-o", case / "model.onnx"], capture_output=True,
                                  text=True, check=False)
            if done.returncode not in (0, 1):
                sys.exit(f"sluice optimize of {model} ended with {done.returncode}: {done.stderr}")
            if done.returncode != 0:
                kept[next((why for why in CANNOT_WRITE if why in done.stderr), "cannot be loaded")] += 1
                (case / "model.onnx").symlink_to(model.resolve())
    print("".join(f"{count} as they are: {why}\n" for why, count in kept.items()) or "all are written\n", end="")
    return to


def surprises(expected, outcome):
    for case in sorted(expected.keys() | outcome.keys()):
        status, detail = outcome.get(case, (None, ""))
        want, _ = expected.get(case, (None, ""))
        detail = f": {detail}" if detail else ""
        if status is None:
            yield f"{case}: is listed, and there is no such case"
        elif want is None:
            yield f"{case}: {status}, and it is not listed{detail}"
        elif want not in (status, "any"):
            yield f"{case}: {status}, expected {want}{detail}"


def write(path, outcome):
    kept = [line for line in path.read_text().splitlines() if not line.startswith("pass ")]
    passing = [f"pass {case}" for case in sorted(outcome) if outcome[case][0] == "pass"]
    path.write_text("\n".join(kept + passing) + "\n")


def made_cases(build, name, script):
    """The folder of the cases that the script writes, made once and again when the script has changed."""
    cases = build / name
    done = cases / "complete"
    if not done.exists() or done.stat().st_mtime < (HERE / script).stat().st_mtime:
        shutil.rmtree(cases, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", HERE / script, "--out", cases], check=True,
                       stdout=subprocess.DEVNULL)
        done.touch()
    return cases


def outcome_of(suite, args, tolerances):
    """None where the suite is not there."""
    def checked(folders):
        return check(args.sluice, [optimized(args.sluice, folders, args.build / f"optimized_{suite}")]
                     if args.optimized else folders)

    if suite in ("generated", "numpy"):
        if subprocess.run(["/usr/bin/python3", "-c", "import numpy, onnx"], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            print("SKIPPED: no cases can be generated: /usr/bin/python3 lacks numpy or onnx")
            return None
        if suite == "numpy":
            return checked([made_cases(args.build, "numpy_cases", "numpy_cases.py")])
        cases = made_cases(args.build, "generated_cases", "generate_cases.py")
        return checked([cases / "node", cases / "simple"])
    folder = args.shared / suite
    if not folder.is_dir():
        print(f"SKIPPED: no {folder}: configure with -DSLUICE_SHARED_DIR=DIR to run this suite")
        return None
    if suite == "onnx-node":
        return checked([folder])
    if args.optimized:
        folder = optimized(args.sluice, [folder], args.build / "optimized_models")
    cases = sorted(each.parent for each in folder.glob("*/model.onnx"))
    plain = [case for case in cases if case.name not in tolerances]
    outcome = check(args.sluice, ["--atol-scale", MODEL_SCALE, *plain])
    for case in cases:
        if case.name in tolerances:
            outcome |= check(args.sluice, ["--atol-scale", tolerances[case.name], case])
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", choices=["generated", "numpy", "onnx-node", "models"])
    parser.add_argument("--sluice", type=pathlib.Path, required=True)
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--optimized", action="store_true")
    args = parser.parse_args()
    path = HERE / f"{args.suite}.expected"
    expected, tolerances = read_expected(path)
    outcome = outcome_of(args.suite, args, tolerances)
    if outcome is None:
        return SKIPPED
    if args.write:
        write(path, outcome)
        expected, tolerances = read_expected(path)
    found = list(surprises(expected, outcome))
    for line in found:
        print(line)
    passed = sum(status == "pass" for status, _ in outcome.values())
    print(f"{args.suite}: {len(outcome)} cases, {passed} pass, {len(outcome) - passed} do not, "
          f"{len(found)} not as expected")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
