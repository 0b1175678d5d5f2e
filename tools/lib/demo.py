# SPDX-License-Identifier: Apache-2.0
"""demo.py — the main job, shown: examples/firewall on a real capture. tools/demo is its door."""
import re
import sys
import time

from appliance import Appliance, accounting_faults
from builds import ROOT, compile_targets, configure
from captures import frames

EXAMPLE = ROOT / "examples" / "firewall"
TARGETS = ["sluiced", "sluice", "sluice-builder", "sluice-loader", "sluice-engine", "examples/firewall/firewall.bpf.o"]
VERDICTS = ("drop", "pass", "tx", "redirect")
# The reasons firewall.bpf.c counts in its map `verdicts`, by key, as the verdicts they lead to.
REASONS = ("pass", "pass", "drop", "drop", "drop", "tx", "redirect")
OUTPUTS = {"inside": "firewall-passed.pcapng", "outside": "firewall-answered.pcapng", "dns": "firewall-dns.pcapng"}
NEXT = """Try next:
  edit examples/firewall/sluice.yaml (say, take a blocked prefix out) and run tools/demo again: the numbers change
  tcpdump -n -r build/firewall-passed.pcapng | head
  build/sluice verify build/examples/firewall/firewall.bpf.o
  README.md: your own program in five minutes"""


def build():
    print("building (build/ninja.log has the details)", flush=True)
    configure("build")
    if compile_targets("build", TARGETS, log=ROOT / "build" / "ninja.log"):
        return True
    print("the build failed; the end of build/ninja.log:", file=sys.stderr)
    print("".join((ROOT / "build" / "ninja.log").open(errors="replace").readlines()[-30:]), file=sys.stderr)
    return False


def faults_of(ports):
    """What the demo was to show and did not."""
    verdicts = ports["outside"]["verdicts"]
    faults = [f"no packet got verdict {verdict.upper()}" for verdict in VERDICTS if not verdicts.get(verdict)]
    if verdicts.get("aborted"):
        faults.append(f"{verdicts['aborted']} packets were aborted by the program")
    faults += accounting_faults(ports)
    faults += [f"{name}: sluiced itself says that its accounting does not close" for name, port in ports.items()
               if not port["accounting"]["closes"]]
    return faults


def faults_of_program(appliance, ports):
    """The program's own counters, summed over CPUs, are the data path's."""
    counted = dict.fromkeys(VERDICTS, 0)
    for row in appliance.ask("map", "dump", "name", "verdicts"):
        entry = row["formatted"]
        counted[REASONS[entry["key"]]] += sum(on_cpu["value"]["packets"] for on_cpu in entry["values"])
    for verdict, count in counted.items():
        said = ports["outside"]["verdicts"][verdict]
        if count != said:
            yield f"the program counted {count} {verdict.upper()}, port outside {said}"


def faults_of_files(ports):
    """The files hold what the ports say they transmitted."""
    for port, name in OUTPUTS.items():
        written, said = len(frames(ROOT / "build" / name)), ports[port]["transmitted"]["packets"]
        if written != said:
            yield f"build/{name} has {written} packets, port {port} transmitted {said}"


def looped():
    """examples/firewall/sluice.yaml with the capture read over and over, and nothing written."""
    text = (EXAMPLE / "sluice.yaml").read_text()
    text = re.sub(r"^ *tx-file: .*\n", "", text, flags=re.M)
    text = text.replace("rx-file: capture.pcap", f"rx-file: {EXAMPLE}/capture.pcap\n      loop: true")
    text = text.replace("../../build/", f"{ROOT}/build/").replace("sluice-firewall", "sluice-firewall-loop")
    for sink in ("inside", "dns"):
        text = text.replace(f"- name: {sink}\n      kind: pcap", f'- name: {sink}\n      kind: "null"')
    return text


def show_speed(seconds=2.0):
    """How fast it goes when nothing is written: packets per second, and what the program takes of a packet's time."""
    with Appliance(config=looped()) as appliance:
        time.sleep(0.5)
        time_0, count_0, _ = appliance.received()
        time.sleep(seconds)
        time_1, count_1, _ = appliance.received()
        program = appliance.ask("prog", "show")[0]
    mpps = (count_1 - count_0) / (time_1 - time_0) / 1e6
    ns = program["run_time_ns"] / program["run_cnt"]
    print(f"the same capture in a loop, nothing written: {mpps:.1f} million packets per second on one core,\n"
          f"  of which the program takes {ns:.0f} ns a packet ({program['bytes_xlated'] // 8} instructions verified, "
          f"{program['bytes_jited']} bytes of native code)")


def main():
    if not build():
        return 1
    packets = len(frames(EXAMPLE / "capture.pcap"))
    print(f"replaying {packets} packets of real traffic through examples/firewall/firewall.bpf.c\n", flush=True)
    appliance = Appliance(file=EXAMPLE / "sluice.yaml", show=True)
    try:
        with appliance:
            ports = appliance.drained("outside", packets)
            faults = [*faults_of(ports), *faults_of_program(appliance, ports)]
    except RuntimeError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    faults += faults_of_files(ports)
    if appliance.exit_code != 0:
        faults.append(f"sluiced ended with {appliance.exit_code}")
    verdicts = ports["outside"]["verdicts"]
    print("\nread from the running counters: " + ", ".join(f"{verdicts.get(v, 0)} {v.upper()}" for v in VERDICTS)
          + f" of {ports['outside']['received']['packets']} received")
    for port, name in OUTPUTS.items():
        print(f"  {ports[port]['transmitted']['packets']:6} packets left by {port}: build/{name}")
    for fault in faults:
        print(f"demo: {fault}", file=sys.stderr)
    if faults:
        return 1
    print("all four verdicts occurred and every packet is accounted for")
    try:
        show_speed()
    except RuntimeError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("\n" + NEXT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
