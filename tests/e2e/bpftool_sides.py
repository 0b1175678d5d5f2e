# SPDX-License-Identifier: Apache-2.0
"""bpftool_sides.py — the same command on the host's kernel and on Sluice, and what of their answers must be equal."""
import json
import os
import pathlib
import subprocess

# What two hosts cannot have in common: numbers given out in order, and times.
IDS = {"id", "btf_id", "map_id", "map_ids", "prog_id", "prog_ids", "inner_map_id", "owner_prog_id"}
TIMES = {"loaded_at", "duration"}
# Sizes of what each engine makes for itself. They are compared neither, and rows that have them are counted apart.
SIZES = {"bytes_memlock", "bytes_jited", "bytes_xlated", "memlock"}


class Answer:
    def __init__(self, done, sides):
        self.code = done.returncode
        self.sizes = False
        text = done.stdout.decode(errors="replace").strip()
        try:
            self.out = self._plain(json.loads(text), sides) if text else ""
        except json.JSONDecodeError:
            self.out = text
        self.said = done.stderr.decode(errors="replace").strip()

    def _plain(self, value, sides):
        if isinstance(value, list):
            return [self._plain(item, sides) for item in value]
        if not isinstance(value, dict):
            return value
        out = {}
        for key, item in value.items():
            if key in IDS:
                item = ["ID" for _ in item] if isinstance(item, list) else "ID"
            elif key in TIMES:
                item = "TIME"
            elif key in SIZES:
                self.sizes = True
                continue
            else:
                item = self._plain(item, sides)
            out[key] = item
        return out

    def equals(self, other):
        return self.code == other.code and self.out == other.out

    def __str__(self):
        return f"exit {self.code}\n  stdout {json.dumps(self.out)[:2000]}\n  stderr {self.said[-600:]}"


class Host:
    """The kernel of this machine; pins in a BPF file system of its own, gone with the name space."""

    def __init__(self):
        script = "mount -t bpf bpf /sys/fs/bpf && echo ready && exec sleep 100000"
        self.keeper = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE)
        if self.keeper.stdout.readline() != b"ready\n":
            raise RuntimeError("no BPF file system of its own could be mounted")
        self.prefix = ["nsenter", "-t", str(self.keeper.pid), "-m", f"--wd={os.getcwd()}", "--"]

    def close(self):
        self.keeper.terminate()
        self.keeper.wait()
        self.keeper.stdout.close()


class Sluice:
    def __init__(self, build, socket):
        self.prefix = [str(pathlib.Path(build) / "sluice"), "exec", "-s", str(socket), "--"]

    def close(self):
        pass


class Sides:
    """Runs rows on both sides, counts them, and keeps what differs."""

    def __init__(self, host, sluice):
        self.host, self.sluice = host, sluice
        self.equal = self.sized = 0
        self.different = []

    def run(self, *words, timeout=120, stdin=b""):
        answers = []
        for side in (self.host, self.sluice):
            done = subprocess.run([*side.prefix, *map(str, words)], capture_output=True, timeout=timeout, input=stdin)
            answers.append(Answer(done, self))
        return answers

    def row(self, *words, **options):
        """One row: must be equal. Returns the answers, the host's first."""
        host, ours = self.run(*words, **options)
        if not host.equals(ours):
            self.different.append(f"{' '.join(map(str, words))}\n host   {host}\n sluice {ours}")
        elif host.sizes:
            self.sized += 1
        else:
            self.equal += 1
        return host, ours

    def tool(self, *words, **options):
        return self.row("bpftool", "-j", *words, **options)
