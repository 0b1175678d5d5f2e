#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bad_input_test.py — what sluiced says to bad input: one clear sentence with its place, the documented exit code, no
partial start, nothing left behind. `bad_input_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tests/support")]

from counted import main  # noqa: E402

OBJECT = BUILD / "examples/firewall/firewall.bpf.o"
EX_UNAVAILABLE, EX_NOPERM, EX_CONFIG = 69, 77, 78
# Where DPDK and sluiced keep files while they run.
RUNTIME = ["/var/run/dpdk", "/run/sluice", "/dev/hugepages"]

ONE_PORT = "version: 1\neal: {{ file-prefix: {prefix} }}\nports: {{ list: [ {{ name: p0, kind: 'null' }} ] }}\n"
WITH_PROGRAM = ONE_PORT + ("programs: [ {{ name: fw, object: {object} }} ]\n"
                           "attachments: [ {{ hook: xdp, port: p0, program: fw }} ]\n")

MAP_SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_%(type)s); __type(key, int); __type(value, long); __uint(max_entries, %(entries)s); }
big SEC(".maps");
SEC("%(section)s") int prog(struct xdp_md *ctx) { int k = 0; return bpf_map_lookup_elem(&big, &k) ? 1 : 2; }
char _license[] SEC("license") = "GPL";
"""


def leftovers():
    """Files of these tests under the runtime folders. Others come and go there meanwhile: os.walk takes no offence."""
    return {os.path.join(folder, name) for root in RUNTIME for folder, folders, files in os.walk(root)
            for name in folders + files if "sluice-bad" in os.path.join(folder, name)}


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bad-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.prefix = self.folder.name.replace("_", "-")
        self.before = leftovers()

    def sluiced(self, *arguments, seconds=60):
        socket = self.folder / "sluice.sock"
        done = subprocess.run([str(BUILD / "sluiced"), "-s", str(socket), "-q", *map(str, arguments)],
                              capture_output=True, text=True,
                              timeout=seconds, stdin=subprocess.DEVNULL,
                              env={**os.environ, "SLUICE_BAD_INPUT": self.prefix})
        self.assertFalse(socket.exists(), "the control socket was left behind")
        self.assertEqual(leftovers() - self.before, set(), "files were left behind")
        self.assertEqual(self.marked_processes(), [], "a child process was left behind")
        return done

    def marked_processes(self):
        """Processes that inherited this case's mark: other tests run beside this one."""
        mark, found = f"SLUICE_BAD_INPUT={self.prefix}".encode(), []
        for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in environ.read_bytes():
                    found.append(environ.parent.name)
            except OSError:
                continue
        return found

    def config(self, text):
        path = self.folder / "sluice.yaml"
        path.write_text(text.format(prefix=self.prefix, object=self.folder / "object.bpf.o"))
        return path

    def refused(self, text, code, *words):
        """The file is refused with `code`; each of `words` is in the sentence. The same for --check."""
        for check in ([], ["--check"]):
            done = self.sluiced("-c", self.config(text), *check)
            self.assertEqual(done.returncode, code, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)
            self.assertNotIn("terminate called", done.stderr)

    def object(self, content):
        (self.folder / "object.bpf.o").write_bytes(content)

    def compiled(self, entries, type="ARRAY", section="xdp"):
        source = self.folder / "map.c"
        source.write_text(MAP_SOURCE % {"entries": entries, "type": type, "section": section})
        triplet = "/usr/include/" + os.uname().machine + "-linux-gnu"
        subprocess.run(["clang-19", "-O2", "-g", "-target", "bpf", "-I" + triplet, "-c", str(source), "-o",
                        str(self.folder / "object.bpf.o")], check=True)

    # --- objects
    def test_a_truncated_object_is_refused_at_its_place(self):
        whole = OBJECT.read_bytes()
        self.object(whole[:len(whole) // 2])
        self.refused(WITH_PROGRAM, EX_CONFIG, "sluice.yaml:4:", "object.bpf.o", "error")

    def test_an_object_of_another_machine_is_refused(self):
        whole = bytearray(OBJECT.read_bytes())
        struct.pack_into("<H", whole, 18, 62)  # e_machine: x86-64
        self.object(bytes(whole))
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "sluice.yaml:4:")

    def test_text_instead_of_an_object_is_refused(self):
        self.object(b"int main(void) { return 0; }\n")
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "sluice.yaml:4:")

    def test_an_empty_object_and_a_missing_one_are_refused(self):
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "sluice.yaml:4:")
        self.object(b"")
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "sluice.yaml:4:")

    def test_a_folder_instead_of_an_object_is_refused(self):
        (self.folder / "object.bpf.o").mkdir()
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "sluice.yaml:4:")

    def test_bytes_changed_anywhere_in_an_object_never_crash(self):
        whole = OBJECT.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 12)):
            hostile = bytearray(whole)
            hostile[at:at + 64] = b"\xff" * len(hostile[at:at + 64])
            self.object(bytes(hostile))
            done = self.sluiced("-c", self.config(WITH_PROGRAM), "--check")
            self.assertIn(done.returncode, (0, EX_CONFIG), f"offset {at}: {done.stderr}")

    def test_a_map_without_entries_is_refused(self):
        self.compiled("0", type="HASH")
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "big")

    def test_a_map_that_no_machine_can_hold_is_refused_with_its_size(self):
        self.compiled("0xffffffff")
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "big")

    def test_an_unknown_section_is_refused(self):
        self.compiled("1", section="made_up_hook")
        self.refused(WITH_PROGRAM, EX_CONFIG, "object.bpf.o", "made_up_hook")

    # --- ports and machine
    def test_a_port_that_cannot_open_is_refused_at_its_place(self):
        text = ONE_PORT.replace("kind: 'null'", "kind: pcap, rx-file: /nowhere/in.pcap")
        done = self.sluiced("-c", self.config(text))
        self.assertIn(done.returncode, (EX_UNAVAILABLE, EX_CONFIG), done.stderr)
        self.assertIn("sluice.yaml:3:", done.stderr)
        self.assertIn("/nowhere/in.pcap", done.stderr)

    def test_a_card_that_is_not_there_is_refused_at_its_place(self):
        text = ONE_PORT.replace("kind: 'null'", "kind: pci, address: '0000:ff:1f.7'")
        done = self.sluiced("-c", self.config(text))
        self.assertEqual(done.returncode, EX_UNAVAILABLE, done.stderr)
        self.assertIn("sluice.yaml:3:", done.stderr)
        self.assertIn("there is no PCI device 0000:ff:1f.7", done.stderr)

    def test_more_buffers_than_there_is_memory_are_refused_with_both_figures(self):
        text = ONE_PORT + "mempools: [ {{ name: pool0, mbufs: 30000000 }} ]\n"
        text = text.replace("file-prefix", "memory: {{ mode: no-huge }}, file-prefix")
        self.refused(text, EX_CONFIG, "MiB", "sluice.yaml:4:")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to give up what root may")
    def test_a_tap_port_without_privilege_is_refused(self):
        text = ONE_PORT.replace("kind: 'null'", "kind: tap")
        path = self.config(text.replace("file-prefix", "memory: {{ mode: no-huge }}, file-prefix"))
        # The same user, who may still read a build in a folder of his own, but without any capability.
        done = subprocess.run(["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all",
                               str(BUILD / "sluiced"), "-q", "-c", str(path), "-s", str(self.folder / "s.sock")],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, "XDG_RUNTIME_DIR": str(self.folder)})
        self.assertIn(done.returncode, (EX_NOPERM, EX_UNAVAILABLE), done.stderr)
        self.assertTrue(done.stderr.strip())

    # --- files
    def test_files_that_are_no_configuration_are_refused(self):
        empty = self.folder / "empty.yaml"
        empty.write_text("")
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))
        (self.folder / "bomb.yaml").write_text(bomb)
        (self.folder / "binary.yaml").write_bytes(bytes(range(256)) * 16)
        absent = [self.folder / name for name in ("missing.yaml", "bomb.yaml", "binary.yaml")]
        for path in (empty, self.folder, *absent):
            done = self.sluiced("-c", path)
            self.assertEqual(done.returncode, EX_CONFIG, f"{path}: {done.stderr}")
            self.assertIn(path.name, done.stderr)

    def test_an_unknown_key_gets_a_suggestion(self):
        self.refused(ONE_PORT + "prots: []\n", EX_CONFIG, "sluice.yaml:4:1", "prots", "ports")

    def test_bad_command_lines_exit_2(self):
        for arguments in (["--no-such-flag"], [], ["-c"]):
            self.assertEqual(self.sluiced(*arguments).returncode, 2)


if __name__ == "__main__":
    sys.exit(main(__name__))
