# SPDX-License-Identifier: Apache-2.0
"""headers.py — every header compiles alone, with the include paths of its folder's sources.

Each one is a source file of one line, compiled like any other, so that ccache knows it the next time.
"""
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess

from .layers import is_program
from .tree import Finding

COMPILER = "clang-19"
# Headers that C includes as well (programs' runtime and host types): they are compiled as both.
C_FOLDERS = ("bpf/abi/host/",)
KEPT = ("-I", "-isystem", "-D", "-march", "-std", "-include")


def kept_flags(command):
    words, flags = shlex.split(command), []
    for i, word in enumerate(words):
        if word in ("-isystem", "-include", "-I", "-D"):
            flags += [word, words[i + 1]]
        elif word.startswith(KEPT):
            flags.append(word)
    return flags


def flags_by_folder(build):
    """{folder: flags} from compile_commands.json; a folder's flags are the union over its sources."""
    with open(os.path.join(build, "compile_commands.json")) as f:
        entries = json.load(f)
    folders = {}
    for entry in entries:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        flags = kept_flags(entry["command"]) if source.endswith((".cc", ".cpp")) else []
        folder = folders.setdefault(os.path.dirname(source), [])
        # Pairs such as "-isystem X" stay together because whole lists are compared and appended.
        if flags and flags not in folder:
            folder.append(flags)
    return {folder: [word for flags in lists for word in flags] for folder, lists in folders.items() if lists}


def flags_for(path, folders, root):
    """Flags of the header's folder, else of the nearest folder above, else of any."""
    folder = os.path.dirname(os.path.join(root, path))
    while len(folder) >= len(str(root)):
        if folder in folders:
            return folders[folder]
        folder = os.path.dirname(folder)
    return max(folders.values(), key=len, default=[f"-I{root}", "-std=c++20"])


def compile_alone(root, build, path, language, flags):
    if language == "c":
        flags = [f for f in flags if not f.startswith("-std")] + ["-std=gnu11"]
    stem = os.path.join(build, "headers-alone", path.replace("/", "-") + "." + language)
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    source = stem + (".c" if language == "c" else ".cc")
    with open(source, "w") as f:
        f.write(f'#include "{path}"\n')
    launcher = ["ccache"] if shutil.which("ccache") else []
    command = [*launcher, COMPILER, *flags, f"-I{root}", "-O0", "-c", source, "-o", stem + ".o"]
    done = subprocess.run(command, cwd=build, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    first = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip()[:200])
    return Finding(path, 0, f"does not compile alone as {language}: {first}")


def check_headers(tree, build):
    folders = flags_by_folder(build)
    jobs = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in tree.matching(".h"):
            if is_program(path):
                continue
            flags = flags_for(path, folders, tree.root)
            jobs.append(pool.submit(compile_alone, tree.root, build, path, "c++", flags))
            if path.startswith(C_FOLDERS):
                jobs.append(pool.submit(compile_alone, tree.root, build, path, "c", flags))
    return [job.result() for job in jobs if job.result()]
