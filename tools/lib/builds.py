# SPDX-License-Identifier: Apache-2.0
"""builds.py — the build directories and how each is configured. Used by tools/test, tools/demo and perf/run.

A build whose wanted options differ from those it was configured with is configured anew; otherwise ninja alone decides.
"""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where what is built is looked for; a test of another build directory says so.
BUILD = ROOT / os.environ.get("SLUICE_BUILD", "build")

SANITIZED = ["-Ddebug=true", "-Doptimization=1", "-Db_lundef=false"]
# name: (compiler pair, meson options, suites that run there; None: all)
BUILDS = {
    "build": (("clang-19", "clang++-19"), ["--buildtype=release"], None),
    "build-asan": (("clang-19", "clang++-19"), ["-Db_sanitize=address,undefined", *SANITIZED],
                   ["unit", "data", "oracle", "fuzz", "e2e"]),
    "build-tsan": (("clang-19", "clang++-19"), ["-Db_sanitize=thread", *SANITIZED], ["threads"]),
    "build-gcc": (("gcc", "g++"), ["--buildtype=release"], []),
}


def environment(compilers):
    env = dict(os.environ)
    launcher = "ccache " if shutil.which("ccache") else ""
    env["CC"], env["CXX"] = (launcher + c for c in compilers)
    if compilers[0] == "clang-19":
        env["CC_LD"] = env["CXX_LD"] = "lld-19"  # links sluiced in 0.1 s of CPU time, GNU ld in 3.5 s
    # Objects carry no absolute source path, so worktrees and fresh clones share the cache.
    env.setdefault("CCACHE_NOHASHDIR", "1")
    env.setdefault("CCACHE_BASEDIR", str(ROOT))
    return env


def configure(name):
    """Configures build directory `name` unless it already is as wanted. Returns its path; raises CalledProcessError."""
    compilers, options, _ = BUILDS[name]
    directory = ROOT / name
    stamp = directory / "configured-with"
    wanted = " ".join([*compilers, *options])
    if (directory / "build.ninja").exists() and stamp.exists() and stamp.read_text() == wanted:
        return directory
    fresh = ["--wipe"] if (directory / "meson-private").exists() else []
    subprocess.run(["meson", "setup", *fresh, str(directory), str(ROOT), *options], env=environment(compilers),
                   check=True, stdout=None if os.environ.get("VERBOSE") else subprocess.DEVNULL)
    stamp.write_text(wanted)
    return directory


def compile_targets(name, targets=(), log=None):
    """Runs ninja. Returns True when it succeeded; its output goes to `log` (a path) or to the terminal."""
    command, env = ["ninja", "-C", str(ROOT / name), *targets], environment(BUILDS[name][0])
    if log is None:
        return subprocess.run(command, env=env).returncode == 0
    with open(log, "wb") as out:
        return subprocess.run(command, env=env, stdout=out, stderr=subprocess.STDOUT).returncode == 0
