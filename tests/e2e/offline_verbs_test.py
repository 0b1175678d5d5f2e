#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""offline_verbs_test.py — `sluice verify` and `sluice test-run` as outside tools call them: keys, exit codes, words.
`offline_verbs_test.py SOURCE_ROOT BUILD_ROOT`."""
import glob
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tests/support")]

from counted import main  # noqa: E402

PROGS = BUILD / "tests/support/progs"
THIRD_PARTY = sorted(glob.glob("/usr/lib/*/bpf/xdpfilt_*.o"))
VERIFY_KEYS = ["name", "section", "type", "accepted", "errno", "unsupported", "insns", "verified_insns", "states",
               "verify_us", "jit_us", "reason", "log_tail"]


def sluice(*words):
    return subprocess.run([str(BUILD / "sluice"), *map(str, words)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)


class Verify(unittest.TestCase):
    @unittest.skipUnless(THIRD_PARTY, "xdp-tools is not installed")
    def test_every_object_of_xdp_filter_is_accepted(self):
        for path in THIRD_PARTY:
            with self.subTest(path):
                done = sluice("verify", path, "-j")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                for row in json.loads(done.stdout):
                    self.assertEqual(list(row), VERIFY_KEYS)
                    self.assertTrue(row["accepted"])
                    self.assertGreater(row["verified_insns"], 0)
                    self.assertGreater(row["jit_us"], 0)

    def test_a_refused_program_says_why_and_the_others_are_judged_too(self):
        done = sluice("-j", "verify", PROGS / "features.bpf.o")
        self.assertEqual(done.returncode, 1, done.stderr)
        good, bad = json.loads(done.stdout)
        self.assertTrue(good["accepted"])
        self.assertFalse(bad["accepted"])
        self.assertEqual((bad["errno"], bad["unsupported"]), (13, False))
        self.assertIn("packet", bad["reason"])
        self.assertIn("invalid access to packet", bad["log_tail"])

    def test_one_program_can_be_named(self):
        done = sluice("verify", PROGS / "features.bpf.o", "--prog", "features", "-j")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual([row["name"] for row in json.loads(done.stdout)], ["features"])
        self.assertEqual(sluice("verify", PROGS / "features.bpf.o", "--prog", "nobody").returncode, 2)

    def test_programs_that_cannot_run_yet_have_a_verdict(self):
        done = sluice("verify", PROGS / "every_type.bpf.o", "-j")
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        for name in ["mark", "tcx", "verdict", "connects", "session", "whose"]:
            with self.subTest(name):
                self.assertTrue(rows[name]["accepted"], rows[name]["reason"])
        for name, words in [("out_of_range", "should have been in [0, 3]"),
                            ("wrong_field", "invalid bpf_context access")]:
            with self.subTest(name):
                self.assertFalse(rows[name]["accepted"])
                self.assertFalse(rows[name]["unsupported"])
                self.assertIn(words, rows[name]["log_tail"])

    def test_the_loaders_capabilities_count(self):
        done = sluice("verify", PROGS / "every_type.bpf.o", "--caps", "bpf,net_admin", "-j")
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        self.assertTrue(rows["mark"]["accepted"], rows["mark"]["reason"])
        self.assertEqual((rows["session"]["errno"], rows["session"]["unsupported"]), (1, False))
        self.assertIn("CAP_PERFMON", rows["session"]["reason"])
        done = sluice("verify", PROGS / "features.bpf.o", "--unpriv", "--prog", "features", "-j")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        row, = json.loads(done.stdout)
        self.assertEqual(row["errno"], 1)
        self.assertIn("CAP_BPF", row["reason"])
        self.assertEqual(sluice("verify", PROGS / "features.bpf.o", "--caps", "all").returncode, 2)

    def test_what_is_no_object_has_one_sentence_and_status_2(self):
        whole = (PROGS / "features.bpf.o").read_bytes()
        cases = {b"": "empty", b"hello": "not an ELF", whole[:len(whole) // 2]: "truncated",
                 whole[:18] + b"\x3e" + whole[19:]: "not an eBPF object"}
        with tempfile.TemporaryDirectory() as folder:
            for content, word in cases.items():
                path = pathlib.Path(folder) / "object.o"
                path.write_bytes(content)
                done = sluice("verify", path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(word, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn("error", json.loads(sluice("verify", "-j", path).stdout))
            self.assertIn("directory", sluice("verify", folder).stderr)
        self.assertEqual(sluice("verify", "/nonexistent.o").returncode, 2)


class TestRun(unittest.TestCase):
    def run_features(self, *words):
        done = sluice("test-run", PROGS / "features.bpf.o", "--prog", "features", "-j", *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_both_engines_answer_alike(self):
        answers = [self.run_features("--engine", engine, "--repeat", 3, "--dump-maps") for engine in ("jit", "interp")]
        for answer in answers:
            del answer["duration_ns"], answer["maps"]["per_cpu"]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0]["retval"], 2)
        self.assertEqual(answers[0]["maps"]["pairs"], [{"key": "01000000", "value": "01003200"}])
        self.assertEqual(answers[0]["maps"]["features.bss"][0]["value"], "0300000000000000")

    def test_a_tail_call_finds_its_target(self):
        done = sluice("test-run", PROGS / "tail_calls.bpf.o", "--prog", "entry", "-j")
        self.assertEqual(json.loads(done.stdout)["retval"], 3, done.stdout + done.stderr)

    def test_programs_without_a_hook_run_too(self):
        for prog, retval in (("socket_bytes", 1), ("legacy_constant", 0), ("store_bytes", 0)):
            answers = []
            for engine in ("jit", "interp"):
                done = sluice("test-run", BUILD / "tests/oracle/skb_bytes.bpf.o", "--prog", prog, "-j",
                              "--engine", engine)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                answers.append(json.loads(done.stdout))
                del answers[-1]["duration_ns"]
            self.assertEqual(answers[0], answers[1])
            self.assertEqual((answers[0]["retval"], answers[0]["data_size_out"]), (retval, 64), prog)

    def test_packet_and_context_come_from_and_go_to_files(self):
        with tempfile.TemporaryDirectory() as folder:
            data, ctx, out = (pathlib.Path(folder) / name for name in ("data", "ctx", "out"))
            data.write_bytes(bytes(range(80)))
            ctx.write_bytes((0).to_bytes(4, "little") + (80).to_bytes(4, "little") + bytes(16))
            answer = self.run_features("--data-in", data, "--ctx-in", ctx, "--data-out", out)
            self.assertEqual(out.read_bytes(), bytes(range(80)))
            self.assertEqual(answer["data_out"], bytes(range(80)).hex())
            self.assertEqual(len(answer["ctx_out"]), 48)

    def test_kernel_functions_run_on_both_engines(self):
        def walked(numbers, error=0):
            return (sum(numbers) << 32 | error % (1 << 32)).to_bytes(9, "little", signed=True)[:8].hex()

        wanted = [walked(range(64)), walked(range(-3, 2)), walked([]), walked([], -22), walked([], -7), walked([]),
                  (3).to_bytes(8, "little").hex(), (1).to_bytes(8, "little").hex()]  # only hash tables are counted
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "data"
            data.write_bytes(bytes(64))
            for engine in ("jit", "interp"):
                done = sluice("test-run", PROGS / "kernel_functions.bpf.o", "--prog", "kernel_functions", "-j",
                              "--data-in", data, "--engine", engine, "--dump-maps")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                rows = json.loads(done.stdout)["maps"]["results"]
                self.assertEqual([row["value"] for row in rows], wanted, engine)

    def test_command_lines_that_are_wrong_have_status_2(self):
        for words in (["test-run", PROGS / "features.bpf.o"], ["verify"], ["verify", "a", "--fly"], ["fly"],
                      ["test-run", "a", "--prog", "b", "--engine", "steam"], ["prog", "show", "id", "x"],
                      ["map", "dump"]):
            self.assertEqual(sluice(*words).returncode, 2, words)

    def test_without_a_daemon_the_status_is_69(self):
        self.assertEqual(sluice("-s", "/nonexistent.sock", "prog", "show").returncode, 69)


if __name__ == "__main__":
    sys.exit(main(__name__))
