# SPDX-License-Identifier: Apache-2.0
"""layers.py — include directions and foreign headers, as tests/tree/layers.txt says them."""
import fnmatch
import os

from .tree import Finding, read_table

TABLE = "tests/tree/layers.txt"


def longest_folder(path, folders):
    """The longest of `folders` that `path` lies in, or None."""
    inside = [f for f in folders if path == f or path.startswith(f + "/")]
    return max(inside, key=len, default=None)


def is_program(path):
    return path.endswith((".bpf.c", ".bpf.h"))


def check_directions(tree):
    layers = read_table(tree.text(TABLE))["layers"]
    for path in tree.sources():
        folder = longest_folder(path, layers)
        if folder is None:
            yield Finding(path, 0, f"lies in no folder of {TABLE}")
            continue
        for number, name, quoted in tree.includes(path):
            if not quoted or is_program(path):
                continue
            if not tree.exists(name):
                # Generated headers and headers beside a file: only the build tree knows the former.
                if tree.exists(os.path.join(os.path.dirname(path), name)):
                    yield Finding(path, number, f'#include "{name}" is not root-relative')
                continue
            target = longest_folder(name, layers)
            if target not in (folder, *layers[folder]) and layers[folder] != ["*"]:
                yield Finding(path, number, f'{folder} may not include {target or name} ("{name}")')


def check_foreign(tree):
    foreign = read_table(tree.text(TABLE))["foreign"]
    for path in tree.sources():
        for number, name, quoted in tree.includes(path):
            if quoted and tree.exists(name):
                continue
            prefix = max((p for p in foreign if name.startswith(p)), key=len, default=None)
            if prefix is None or is_program(path):
                continue
            if not any(fnmatch.fnmatch(path, pattern) for pattern in foreign[prefix]):
                yield Finding(path, number, f"<{name}> belongs to {' '.join(foreign[prefix]) or 'nobody'} only")
