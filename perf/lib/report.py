# SPDX-License-Identifier: Apache-2.0
"""report.py — what every benchmark hands over: the machine, rows of figures, bars met or missed; a table and JSON."""
import json
import os
import platform
import statistics
import subprocess


def machine():
    cpu = {}
    with open("/proc/cpuinfo") as f:
        for line in f.read().split("\n\n")[0].splitlines():
            key, _, value = line.partition(":")
            cpu[key.strip()] = value.strip()
    version = lambda *command: (subprocess.run(command, capture_output=True, text=True).stdout.splitlines() or ["?"])[0]
    return {
        "cpu": cpu.get("model name", "?"),
        "cpus": os.cpu_count(),
        "avx512": "avx512f" in cpu.get("flags", ""),
        "kernel": platform.release(),
        "dpdk": version("pkg-config", "--modversion", "libdpdk"),
        "compiler": version("clang-19", "--version"),
        "commit": version("git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"),
        "load_before": os.getloadavg()[0],
    }


class Report:
    """Rows are figures as measured; bars are what must hold between them."""

    def __init__(self, name):
        self.name, self.rows, self.bars, self.notes, self.machine = name, [], [], [], machine()

    def note(self, sentence):
        self.notes.append(sentence)
        print(f"note: {sentence}", flush=True)

    def row(self, name, figures, unit):
        """Adds the median of `figures`; None when there are none."""
        median = statistics.median(figures) if figures else None
        self.rows.append({"name": name, "figure": median, "unit": unit, "all": figures})
        return median

    def bar(self, name, figure, bar, unit, higher_is_better=True, why=""):
        met = figure is not None and (figure >= bar if higher_is_better else figure <= bar)
        row = {"name": name, "figure": round(figure or 0.0, 4), "bar": bar, "unit": unit, "met": met}
        self.bars.append({**row, "why": why} if why else row)

    def ratio(self, name, ours, rival, bar):
        """A bar on the ratio of two medians. A side that could not be measured misses it, with the reason."""
        if not ours or not rival:
            self.bar(name, None, bar, "ratio", why="not measured: " + ("ours" if not ours else "the rival"))
        else:
            self.bar(name, ours / rival, bar, "ratio")

    def all_met(self):
        return bool(self.bars) and all(b["met"] for b in self.bars)

    def print(self):
        m = self.machine
        print(f"\n{self.name}: {m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}, DPDK {m['dpdk']}, "
              f"commit {m['commit']}, load {m['load_before']:.1f} before")
        width = max([len(r["name"]) for r in self.rows + self.bars] or [4])
        for row in self.rows:
            if row["figure"] is None:
                print(f"  {row['name']:{width}}  not measured")
                continue
            spread = f"{min(row['all']):.2f} … {max(row['all']):.2f}"
            median = f"{row['figure']:10.2f} {row['unit']:6} (median of {len(row['all'])}: {spread})"
            print(f"  {row['name']:{width}}  {median}")
        print(f"\n  {'bar':{width}}  {'figure':>10} {'bar':>8}")
        for bar in self.bars:
            figure = "-" if bar.get("why") else f"{bar['figure']:.3f}"
            verdict = "met" if bar["met"] else "missed"
            line = f"  {bar['name']:{width}}  {figure:>10} {bar['bar']:>8} {bar['unit']:6} {verdict}"
            print(f"{line} {bar.get('why', '')}".rstrip())

    def write(self, path):
        with open(path, "w") as f:
            json.dump({"benchmark": self.name, "machine": self.machine, "bars": self.bars, "rows": self.rows,
                       "notes": self.notes}, f, indent=2)
            f.write("\n")
