#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tc_test.py — a chain of TC programs between two ports: bytes, copies, VLAN tags, maps, links and accounting are what
the model of tests/support/progs/tc_path.bpf.c says. `tc_test.py SOURCE_ROOT BUILD_ROOT`."""
import pathlib
import struct
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance, accounting_faults  # noqa: E402
from captures import frames  # noqa: E402
from counted import main  # noqa: E402

CAPTURE = SOURCE / "examples/firewall/capture.pcap"
ENDS = ("other", "hop", "expired", "marked", "unmarked")
CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
pins: {{ root: {folder}/pins }}
ports:
  list:
    - {{ name: in, kind: pcap, rx-file: {capture}, on-pass: forward out, ifindex: 3 }}
    - {{ name: out, kind: pcap, tx-file: {folder}/out.pcapng, ifindex: 4 }}
    - {{ name: mirror, kind: pcap, tx-file: {folder}/mirror.pcapng, ifindex: 5 }}
programs:
  - {{ name: path, object: {build}/tests/support/progs/tc_path.bpf.o, rodata: {{ mirror_ifindex: 5 }}, stats: true }}
attachments:
{attachments}
"""
CHAIN = ["{ hook: tcx-ingress, port: in, program: path/hop }", "{ hook: tcx-ingress, port: in, program: path/mark }",
         "{ hook: tcx-egress, port: out, program: path/tag }"]


def configuration(folder, attachments, capture):
    return CONFIG.format(prefix=pathlib.Path(folder).name, folder=folder, capture=capture, build=BUILD,
                         attachments="\n".join(f"  - {line}" for line in attachments))


def one_hop(frame):
    """The frame with one less in its TTL and the checksum that follows from the old one (RFC 1624); None: expired."""
    if frame[22] <= 1:
        return None
    old, = struct.unpack_from("!H", frame, 22)
    check, = struct.unpack_from("!H", frame, 24)
    total = (~check & 0xffff) + (~old & 0xffff) + old - 0x100
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return frame[:22] + struct.pack("!HH", old - 0x100, ~total & 0xffff) + frame[26:]


def model(packets):
    """(frames that leave by out, copies at mirror, counts by end)."""
    out, mirror, counts = [], [], dict.fromkeys(ENDS, 0)
    for frame in packets:
        tag = frame[12:16] if frame[12:14] in (b"\x81\x00", b"\x88\xa8") else b""
        body = frame[:12] + frame[12 + len(tag):]
        is_ip = body[12:14] == b"\x08\x00"
        if is_ip and len(body) >= 34:
            body = one_hop(body)
            counts["hop" if body else "expired"] += 1
            if not body:
                continue
        else:
            counts["other"] += 1
        marked = is_ip and len(body) >= 24 and body[23] == 6
        counts["marked" if marked else "unmarked"] += 1
        if marked:
            mirror.append(body[:12] + tag + body[12:])
        out.append(body[:12] + (b"\x81\x00\x00\x64" if marked else b"") + tag + body[12:])
    return out, mirror, counts


def variants(frame):
    """As it is; of a short one also under a tag of its own, at its last hop, and cut in its header."""
    yield frame
    if len(frame) < 200:
        yield frame[:12] + bytes.fromhex("81002007") + frame[12:]
        yield frame[:22] + b"\x01" + frame[23:]
        yield frame[:30]


def pcap(packets):
    head = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(p), len(p)) + p for p in packets)


class Tc(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tc-")
        self.addCleanup(folder.cleanup)
        self.folder, self.packets = folder.name, [v for f in frames(CAPTURE) for v in variants(f)]
        self.capture = f"{self.folder}/in.pcap"
        pathlib.Path(self.capture).write_bytes(pcap(self.packets))

    def run_chain(self, attachments):
        """Replays the capture; returns what `sluice` said when it was through: ports, links, programs, map."""
        appliance = Appliance(config=configuration(self.folder, attachments, self.capture), build=BUILD)
        with appliance:
            ports = appliance.drained("in", len(self.packets))
            links = appliance.ask("link", "show")
            programs = {p["name"]: p for p in appliance.ask("prog", "show")}
            rows = appliance.ask("map", "dump", "name", "ends")
        self.assertEqual(0, appliance.exit_code, appliance.output)
        self.assertEqual([], accounting_faults(ports))
        counts = {ENDS[row["formatted"]["key"]]: row["formatted"]["value"] for row in rows}
        return ports, links, programs, counts

    def test_every_frame_leaves_as_the_model_says_and_every_end_is_counted(self):
        ports, links, programs, counts = self.run_chain(CHAIN)
        out, mirror, expected = model(self.packets)
        self.assertEqual(expected, counts)
        for end, count in expected.items():
            self.assertGreaterEqual(count, 50, end)
        self.assertEqual(out, frames(f"{self.folder}/out.pcapng"))
        self.assertEqual(mirror, frames(f"{self.folder}/mirror.pcapng"))
        books = ports["in"]["accounting"]
        self.assertEqual(len(mirror), books["cloned"])
        self.assertEqual({"tc_ingress_drop": counts["expired"]}, books["dropped"])
        self.assertEqual({"pass": len(out), "drop": counts["expired"], "consumed": 0, "redirect": 0},
                         ports["in"]["tc"]["ingress"])
        self.assertEqual(len(out), ports["out"]["tc"]["egress"]["pass"])
        self.assertEqual(0, ports["mirror"]["tc"]["egress"]["pass"])
        ids = {name: programs[name]["id"] for name in ("hop", "mark", "tag")}
        self.assertEqual({"tcx-ingress": [ids["hop"], ids["mark"]]}, ports["in"]["programs"])
        self.assertEqual({"tcx-egress": [ids["tag"]]}, ports["out"]["programs"])
        self.assertEqual((len(self.packets), len(out), len(out)),
                         tuple(programs[name]["run_cnt"] for name in ("hop", "mark", "tag")))
        self.assertGreater(programs["hop"]["run_time_ns"], 0)
        self.assertEqual([("tcx", ids["hop"], "in", "tcx_ingress"), ("tcx", ids["mark"], "in", "tcx_ingress"),
                          ("tcx", ids["tag"], "out", "tcx_egress")],
                         [(row["type"], row["prog_id"], row["devname"], row["attach_type"]) for row in links])

    def test_clsact_programs_run_behind_those_of_tcx(self):
        moved = [CHAIN[0].replace("tcx", "clsact"), *CHAIN[1:]]  # mark comes first, and its PASS is the end of it
        ports, links, programs, counts = self.run_chain(moved)
        self.assertEqual(len(self.packets), programs["mark"]["run_cnt"])
        self.assertEqual(0, programs["hop"]["run_cnt"])
        self.assertEqual(0, counts["hop"])
        self.assertEqual(2, len(links), "what is on clsact has no link")
        self.assertEqual({"tcx-ingress": [programs["mark"]["id"]], "clsact-ingress": [programs["hop"]["id"]]},
                         ports["in"]["programs"])

    def test_a_program_of_another_type_is_refused_at_its_place(self):
        line = "{ hook: xdp, port: in, program: path/hop }"
        with self.assertRaisesRegex(RuntimeError, r"attachments\[0\].program: 'hop' is no XDP program"):
            self.run_chain([line])

    def test_a_detached_link_leaves_the_others_in_their_order(self):
        pathlib.Path(self.capture).write_bytes(pcap(self.packets[:200]))
        config = configuration(self.folder, CHAIN, self.capture).replace("on-pass", "loop: true, on-pass")
        with Appliance(config=config, build=BUILD) as appliance:
            programs = {p["name"]: p["id"] for p in appliance.ask("prog", "show")}
            first = appliance.ask("link", "show")[0]
            appliance.ask("link", "detach", "id", str(first["id"]))
            self.assertEqual({"tcx-ingress": [programs["mark"]]}, appliance.ports()["in"]["programs"])
            stopped = appliance.ask("prog", "show", "name", "hop")["run_cnt"]
            before = appliance.ask("prog", "show", "name", "mark")["run_cnt"]
            while appliance.ask("prog", "show", "name", "mark")["run_cnt"] == before:
                pass
            self.assertEqual(stopped, appliance.ask("prog", "show", "name", "hop")["run_cnt"])


if __name__ == "__main__":
    sys.exit(main(__name__))
