#!/usr/bin/python3
"""Random cases of operators, with answers by naive numpy code, through `sluice check`.

  run.py --sluice PROGRAM [--seed 1] [--cases 300] [--family NAME ...]

Each family (a module here) draws so many cases from the seed: operators, attributes, shapes, broadcasts,
axes, datatypes and values. What fails is printed with what repeats it.
"""
import argparse
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
FAMILIES = {"elementwise": "1e-6", "movement": "0", "reductions": "1e-6", "products": "1e-5", "windows": "1e-5",
            "normalisation": "1e-5", "recurrent": "1e-5", "quantisation": "0", "learned": "1e-5", "signals": "1e-5"}
SKIPPED = 77


def drawn(family, number, seed, count):
    """[(name, case)]"""
    from case import Draw
    kinds = importlib.import_module(family).FAMILY
    cases = []
    for i in range(count):
        draw = Draw([seed, number, i])
        cases.append((f"{i:05}", draw.one_of(kinds)(draw)))
    return cases


def check(sluice, family, cases):
    """[(name, what is wrong)]"""
    from case import write
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, case) in enumerate(cases):
            write(case, pathlib.Path(folder) / name, dynamic=i % 2 == 1)
        done = subprocess.run([sluice, "check", "--json", "--atol-scale", FAMILIES[family], folder],
                              stdout=subprocess.PIPE, text=True, check=False)
        *lines, counts = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode not in (0, 1) or sum(counts.values()) != len(cases):
            sys.exit(f"sluice check ended with {done.returncode} and these counts: {counts}")
        for line in lines:
            if line["status"] != "pass":
                wrong.append((line["case"], f"{line['status']}: {line['detail']}"))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    args = parser.parse_args()
    try:
        from case import describe
    except ImportError as error:
        print(f"SKIPPED: no cases can be drawn: {error}")
        return SKIPPED
    bad = 0
    for number, family in enumerate(FAMILIES):
        if args.family and family not in args.family:
            continue
        cases = drawn(family, number, args.seed, args.cases)
        wrong = check(args.sluice, family, cases)
        known = dict(cases)
        for name, why in wrong:
            print(f"{family}/{name}: {describe(known[name])}\n  {why}")
        print(f"{family}: {len(cases)} cases, {len(wrong)} wrong"
              + (f"; again: --seed {args.seed} --cases {args.cases} --family {family}" if wrong else ""))
        bad += len(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
