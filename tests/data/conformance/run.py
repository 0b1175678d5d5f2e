# SPDX-License-Identifier: Apache-2.0
"""Runs ISA cases through the conformance plugin: interpreter, every tier of the JIT and, where bpf(2) works, the host
kernel.

    run.py PLUGIN DIRECTORY [--env NAME] [--refused FILE] [--min N]

Each case is a .data file: `-- asm`, perhaps `-- mem` (hex), and `-- result` (r0) or `-- error` (must be refused); names
in the --refused file must be refused as well. All of them have to agree with that, and so has the host kernel where it
can be asked (it knows the low half of r0 only). Exit 0 passed, 1 failed, 77 skipped.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from assemble import AsmError, assemble

SKIPPED = 77
PROBE = "mov %r0, 0\nexit"


def sections(text):
    out, name = {}, None
    for line in text.splitlines():
        m = re.match(r"--\s*(\S.*?)\s*$", line)
        if m:
            name = m[1]
            out[name] = []
        elif name and not line.startswith("#"):
            out[name].append(line)
    return {k: "\n".join(v) for k, v in out.items()}


class Answer:
    """What one engine says: r0, or a refusal with its sentence; `died` when it did neither."""

    def __init__(self, process):
        self.r0, self.refusal, self.died = None, None, None
        if process.returncode == 0:
            self.r0 = int(process.stdout, 16)
        elif process.returncode == 1:
            self.refusal = process.stderr.strip()
        else:
            self.died = f"exit code {process.returncode}: {process.stderr.strip()[-300:]}"

    def __str__(self):
        return self.died or (f"refused: {self.refusal}" if self.refusal else f"{self.r0:#x}")


def ask(plugin, engine, program, memory):
    return Answer(subprocess.run([plugin, memory.hex(), "--engine", engine], input=program.hex(), text=True,
                                 capture_output=True, timeout=60))


def judge(answers, expected):
    """`expected` is r0, or None where the program must be refused. -> (passed, sentence)"""
    said = "; ".join(f"{e} {a}" for e, a in answers.items())
    if any(a.died for a in answers.values()):
        return False, said
    if expected is None:
        return all(a.refusal for a in answers.values()), f"must be refused; {said}"
    wanted = {e: expected & 0xFFFFFFFF if e == "host" else expected for e in answers}
    return all(a.r0 == wanted[e] for e, a in answers.items()), f"expected {expected:#x}; {said}"


def run_case(plugin, engines, path, refused):
    try:
        parts = sections(path.read_text())
        program = assemble(parts["asm"])
        memory = bytes.fromhex("".join(parts.get("mem", "").split()))
        expected = None if "error" in parts or path.stem in refused else int(parts["result"].strip(), 16)
    except (AsmError, KeyError, ValueError) as error:
        return path, False, f"not a case: {error!r}"
    return path, *judge({e: ask(plugin, e, program, memory) for e in engines}, expected)


def read_names(path):
    """The first word of each line that is not a comment."""
    lines = path.read_text().splitlines() if path else []
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("plugin")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--env", help="environment variable that replaces DIRECTORY where it is set")
    parser.add_argument("--refused", type=pathlib.Path, help="names of cases that must be refused")
    parser.add_argument("--min", type=int, default=1, help="fewer cases than this is a failure")
    args = parser.parse_args()
    args.directory = pathlib.Path(os.environ.get(args.env or "") or args.directory)
    if not args.directory.is_dir():
        print(f"SKIPPED: no cases at {args.directory} (set $CONFORMANCE_DIR)")
        return SKIPPED
    cases = sorted(args.directory.glob("*.data"))
    if len(cases) < args.min:
        print(f"FAIL: {len(cases)} cases at {args.directory}, at least {args.min} expected")
        return 1
    engines = ["interp", "quick", "jit", "checked"]
    probe = ask(args.plugin, "host", assemble(PROBE), b"")
    if probe.r0 == 0:
        engines.append("host")
    else:
        print(f"the host kernel is no oracle here: {probe}")
    refused = read_names(args.refused)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, passed, sentence in pool.map(lambda c: run_case(args.plugin, engines, c, refused), cases):
            if not passed:
                failed += 1
                print(f"FAIL {path.name}: {sentence}")
    print(f"{len(cases)} cases on {', '.join(engines)}: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
