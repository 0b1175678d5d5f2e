# SPDX-License-Identifier: Apache-2.0
"""Every working row of helpers.def has its body in runtime.bc, but for those that are native only.

    bitcode_test.py LLVM-NM RUNTIME-BC HELPERS-DEF NATIVE-SOURCE…
"""
import re
import subprocess
import sys

BODY = re.compile(r"^BPF_BODY\((\w+)\)", re.MULTILINE)
LOOPS = {f"sluice_burst_xdp_{may}" for may in range(4)}


def bodies_in(paths):
    found = set()
    for path in paths:
        with open(path) as f:
            found.update(BODY.findall(f.read()))
    return found


def main(nm, bitcode, helpers, *native_sources):
    lines = subprocess.run([nm, bitcode], capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = {line.split()[-1]: line.split()[-2] for line in lines}
    with open(helpers) as f:
        rows = {"bpf_" + m[1] for m in re.finditer(r"^BPF_HELPER\(\d+, (\w+),", f.read(), re.MULTILINE)}
    defined = {name for name, kind in symbols.items() if kind == "T"}
    missing = sorted((rows | LOOPS) - bodies_in(native_sources) - defined)
    for name in missing:
        print(f"{name} is not defined in {bitcode}")
    if symbols.get("sluice_prog") != "U":
        print("sluice_prog must be left to the JIT")
    print(f"{len(rows)} working helpers, {len(missing)} without bitcode")
    return 1 if missing or not rows or symbols.get("sluice_prog") != "U" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
