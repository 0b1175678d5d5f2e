#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""firewall_test.py — examples/firewall through sluiced: verdicts, files and accounting are what the model says, for the
rules as they are and for each rule changed. `firewall_test.py SOURCE_ROOT BUILD_ROOT`."""
import pathlib
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

import firewall_model as model  # noqa: E402
from appliance import Appliance, accounting_faults  # noqa: E402
from captures import frames  # noqa: E402
from counted import main  # noqa: E402

EXAMPLE = SOURCE / "examples/firewall"
CAPTURE = EXAMPLE / "capture.pcap"
# What each change of the rules is in sluice.yaml.
LINES = {
    "host": "      - { key: 198.51.100.66/32, value: 0 }\n",
    "answer": "rodata: { answer_ping: true }",
    "output": "  - name: outputs\n    entries:\n      - { key: 0, value: dns }\n",
}


def configuration(folder, capture=CAPTURE, replace=()):
    """examples/firewall/sluice.yaml with its files moved to `folder`."""
    text = (EXAMPLE / "sluice.yaml").read_text()
    text = text.replace("rx-file: capture.pcap", f"rx-file: {capture}")
    text = text.replace("../../build/firewall-", f"{folder}/").replace("../../build/", f"{BUILD}/")
    text = text.replace("file-prefix: sluice-firewall", f"file-prefix: sluice-{pathlib.Path(folder).name}")
    for old, new in replace:
        assert old in text, f"sluice.yaml has no {old!r}"
        text = text.replace(old, new)
    return text


class Firewall(unittest.TestCase):
    maxDiff = 2000

    def replay(self, rules, replace=(), packets=None, capture=CAPTURE):
        """Runs the example with changed rules, holds numbers and files to the model. Returns the verdict counts."""
        packets = packets or frames(capture)
        expected = {"drop": [], "pass": [], "tx": [], "redirect": []}
        for frame in packets:
            verdict = model.judge(frame, rules)
            expected[verdict].append(model.answer(frame) if verdict == "tx" else frame)
        with tempfile.TemporaryDirectory(prefix="firewall-") as folder:
            appliance = Appliance(config=configuration(folder, capture, replace), build=BUILD)
            with appliance:
                ports = appliance.drained("outside", len(packets))
            self.assertEqual(0, appliance.exit_code, appliance.output)
            counted = {v: n for v, n in ports["outside"]["verdicts"].items() if n}
            self.assertEqual({v: len(list_) for v, list_ in expected.items() if list_}, counted)
            self.assertEqual([], accounting_faults(ports))
            for verdict, name in (("pass", "passed"), ("tx", "answered"), ("redirect", "dns")):
                self.assertEqual(expected[verdict], frames(f"{folder}/{name}.pcapng"), f"{name}.pcapng")
        return counted

    def test_every_packet_of_the_capture_gets_the_verdict_of_the_model(self):
        counted = self.replay(model.RULES)
        for verdict in ("drop", "pass", "tx", "redirect"):
            self.assertGreaterEqual(counted[verdict], 50, verdict)

    def test_a_prefix_taken_out_of_the_file_lets_its_packets_pass(self):
        rules = model.changed(prefixes=model.RULES["prefixes"][1:])
        self.assertNotEqual(self.replay(rules, [(LINES["host"], "")]), self.replay(model.RULES))

    def test_a_prefix_put_into_the_file_stops_its_packets(self):
        rules = model.changed(prefixes=[*model.RULES["prefixes"], "192.0.2.0/24"])
        more = LINES["host"] + "      - { key: 192.0.2.0/24, value: 0 }\n"
        self.assertGreater(self.replay(rules, [(LINES["host"], more)])["drop"], 1000)

    def test_without_answer_ping_requests_pass(self):
        counted = self.replay(model.changed(answer_ping=False), [(LINES["answer"], "rodata: { answer_ping: false }")])
        self.assertNotIn("tx", counted)

    def test_without_an_output_dns_passes(self):
        counted = self.replay(model.changed(dns=False), [(LINES["output"], "")])
        self.assertNotIn("redirect", counted)

    def test_vlan_tags_cut_headers_and_extension_headers(self):
        packets = [frame for plain in frames(CAPTURE)[:200] for frame in variants(plain)]
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(pcap(packets))
            file.flush()
            self.replay(model.RULES, packets=packets, capture=file.name)


def variants(frame):
    """The frame tagged once and twice, and cut at each place where a parser could read past the end."""
    yield frame[:12] + bytes.fromhex("81000064") + frame[12:]
    if len(frame) <= 1510:  # two tags on a longer one are more than a port of MTU 1500 sends
        yield frame[:12] + bytes.fromhex("88a800c881000064") + frame[12:]
    if frame[12:14] == b"\x86\xdd":  # a destination-options header of 8 bytes in front
        length = int.from_bytes(frame[18:20], "big") + 8
        yield (frame[:18] + length.to_bytes(2, "big") + bytes([60]) + frame[21:54]
               + bytes([frame[20], 0, 1, 4, 0, 0, 0, 0]) + frame[54:])
    for size in (14, 16, 18, 33, 34, 36, 38, 53, 54, 56, 58):
        if size < len(frame):
            yield frame[:size]


def pcap(packets):
    import struct
    head = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(p), len(p)) + p for p in packets)


if __name__ == "__main__":
    sys.exit(main(__name__))
