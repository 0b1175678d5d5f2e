# SPDX-License-Identifier: Apache-2.0
"""rows.py — each working row of a table has its code and a test naming it; the parity page is what the tables say."""
import re
import subprocess
import sys

from .tree import Finding

TYPES = "bpf/registry/types.def"
HELPERS = "bpf/registry/helpers.def"
PARITY = "docs/parity.md"
GENERATOR = "tools/make-parity"
# kind of row: (folder, what the folder's files define for a row)
CODE = {"PROG": ("bpf/prog", "{}_prog_spec"), "MAP": ("maps", "{}_map_ops"), "LINK": ("control", "{}_link_ops")}


def words_of(tree, folder):
    """All identifiers of the sources below `folder`."""
    files = [f for f in tree.sources() if f.startswith(folder + "/")]
    return set(re.findall(r"\w+", "\n".join(tree.text(f) for f in files)))


def check_types(tree):
    in_tests = words_of(tree, "tests")
    for kind, (folder, definition) in CODE.items():
        in_code = None
        for number, suffix, words in tree.rows(TYPES, f"BPF_{kind}_TYPE"):
            if suffix == "_PLANNED":
                continue
            in_code = in_code or words_of(tree, folder)
            abi, name = words[0], words[1]
            if definition.format(name) not in in_code:
                missing = definition.format(name)
                yield Finding(TYPES, number, f"{abi} is marked as working, but nothing in {folder}/ defines {missing}")
            # tests/oracle/prog_types.h walks every verified type.
            if suffix != "_VERIFIED" and abi not in in_tests:
                yield Finding(TYPES, number, f"{abi} is marked as working, but no test names it")


def check_helpers(tree):
    """A body bpf_<name> in bpf/runtime, or, for what is not a function call, in the engines themselves."""
    in_runtime = words_of(tree, "bpf/runtime")
    in_tests = words_of(tree, "tests")
    in_engines = words_of(tree, "bpf/interp") & words_of(tree, "bpf/jit")
    for number, suffix, words in tree.rows(HELPERS, "BPF_HELPER"):
        if suffix:
            continue
        name = words[1]
        if f"bpf_{name}" not in in_runtime and f"BPF_FUNC_{name}" not in in_engines:
            yield Finding(HELPERS, number, f"{name} is marked as working, but bpf/runtime has no body bpf_{name}")
        if not {f"bpf_{name}", f"BPF_FUNC_{name}"} & in_tests:
            yield Finding(HELPERS, number, f"{name} is marked as working, but no test names it")


def check_parity(tree):
    if not tree.exists(PARITY):
        yield Finding(PARITY, 0, f"missing: write it with {GENERATOR} > {PARITY}")
        return
    made = subprocess.run([sys.executable, str(tree.root / GENERATOR)], capture_output=True, text=True)
    if made.returncode != 0 or made.stdout != tree.text(PARITY):
        yield Finding(PARITY, 0, f"is not what the tables say: {GENERATOR} > {PARITY}")
