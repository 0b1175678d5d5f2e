#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""self_test.py — a check that cannot fail is no check: each is given a small faulty tree and must say what is wrong."""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from checks import headers, layers, packages, rows, text
from checks.tree import Tree

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
TYPES = "bpf/registry/types.def"
HELPERS = "bpf/registry/helpers.def"


class FaultyTree(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tree-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.put(layers.TABLE, (SOURCE / layers.TABLE).read_text())

    def put(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def said(self, check, *more):
        return [f"{f.path}:{f.line}: {f.what}" for f in check(Tree(self.root), *more)]

    def assert_says(self, check, words, *more):
        said = self.said(check, *more)
        self.assertTrue(any(words in line for line in said), f"nothing says '{words}' in {said}")

    def assert_silent(self, check, *more):
        self.assertEqual([], self.said(check, *more))


class Layers(FaultyTree):
    def test_a_map_that_includes_the_data_path_is_found(self):
        self.put("dataplane/worker.h", SPDX)
        self.put("maps/hash.cc", SPDX + '#include "dataplane/worker.h"\n')
        self.assert_says(layers.check_directions, "maps/hash.cc:2: maps may not include dataplane")

    def test_the_verifier_may_not_know_the_jit(self):
        self.put("bpf/jit/jit.h", SPDX)
        self.put("bpf/verifier/pass.cc", SPDX + '#include "bpf/jit/jit.h"\n')
        self.assert_says(layers.check_directions, "bpf/verifier may not include bpf/jit")

    def test_the_builder_may_know_both(self):
        self.put("bpf/jit/jit.h", SPDX)
        self.put("bpf/verifier/verifier.h", SPDX)
        self.put("bpf/builder/b.cc", SPDX + '#include "bpf/jit/jit.h"\n#include "bpf/verifier/verifier.h"\n')
        self.assert_silent(layers.check_directions)

    def test_an_include_beside_the_file_is_found(self):
        self.put("maps/hash.h", SPDX)
        self.put("maps/hash.cc", SPDX + '#include "hash.h"\n')
        self.assert_says(layers.check_directions, "is not root-relative")

    def test_a_folder_of_no_layer_is_found(self):
        self.put("misc/a.cc", SPDX)
        self.assert_says(layers.check_directions, "lies in no folder")

    def test_dpdk_in_the_engine_is_found(self):
        self.put("bpf/jit/emit.cc", SPDX + "#include <rte_mbuf.h>\n")
        self.assert_says(layers.check_foreign, "<rte_mbuf.h> belongs to")

    def test_llvm_in_a_header_is_found_even_in_its_own_folder(self):
        self.put("bpf/jit/plan.h", SPDX + "#include <llvm/IR/Module.h>\n")
        self.put("bpf/jit/emit.cc", SPDX + "#include <llvm/IR/Module.h>\n")
        self.assertEqual(["bpf/jit/plan.h"], [f.path for f in layers.check_foreign(Tree(self.root))])

    def test_the_door_files_of_base_may_use_dpdk_and_no_other(self):
        self.put("base/reclaim.cc", SPDX + "#include <rte_rcu_qsbr.h>\n")
        self.assert_silent(layers.check_foreign)
        self.put("base/clock.cc", SPDX + "#include <rte_cycles.h>\n")
        self.assert_says(layers.check_foreign, "base/clock.cc:2")

    def test_a_bpf_program_includes_what_such_programs_include(self):
        self.put("examples/firewall/f.bpf.c", SPDX + "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n")
        self.assert_silent(layers.check_foreign)


class Text(FaultyTree):
    def test_a_missing_licence_line_is_found(self):
        self.put("base/a.h", "#pragma once\n")
        self.assert_says(text.check_spdx, "base/a.h:1")

    def test_a_script_has_it_in_its_second_line(self):
        self.put("tools/a", "#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n")
        self.assert_silent(text.check_spdx)
        self.put("tools/b", "#!/usr/bin/env bash\nset -e\n")
        self.assert_says(text.check_spdx, "tools/b:1")

    def test_a_wide_line_and_a_long_file_are_found(self):
        self.put("base/a.h", SPDX + "//" + "x" * 119 + "\n")
        self.put("base/b.h", SPDX * 601)
        self.assert_says(text.check_bounds, "base/a.h:2: 121 columns")
        self.assert_says(text.check_bounds, "base/b.h:0: 601 lines")

    def test_a_leftover_is_found(self):
        self.put("base/a.h", SPDX + "// TO" + "DO: later\n")
        self.assert_says(text.check_leftovers, "base/a.h:2")

    def test_a_dead_link_is_found_and_a_live_one_is_not(self):
        self.put("docs/a.md", "[b](b.md) [c](../base/c.h#L3) [web](https://example.org/) [here](#top)\n")
        self.put("docs/b.md", "b\n")
        self.assertEqual(["docs/a.md:1: link to ../base/c.h#L3: no such file"], self.said(text.check_links))


class Rows(FaultyTree):
    def test_a_working_map_without_file_or_test_is_found(self):
        self.put(TYPES, "BPF_MAP_TYPE(BPF_MAP_TYPE_HASH, hash)\nBPF_MAP_TYPE_PLANNED(BPF_MAP_TYPE_QUEUE, queue)\n")
        self.assert_says(rows.check_types, "nothing in maps/ defines hash_map_ops")
        self.assert_says(rows.check_types, "no test names it")
        self.assertEqual(2, len(self.said(rows.check_types)))
        self.put("maps/hash.cc", SPDX + "constexpr MapOps hash_map_ops = {};\n")
        self.put("tests/unit/maps/hash_test.cc", SPDX + "make(BPF_MAP_TYPE_HASH);\n")
        self.assert_silent(rows.check_types)

    def test_a_working_helper_without_body_is_found(self):
        self.put(HELPERS, "BPF_HELPER(5, ktime_get_ns, INTEGER, 0)\nBPF_HELPER_VERIFIED(4, probe_read, INTEGER, ())\n")
        self.assert_says(rows.check_helpers, "no body bpf_ktime_get_ns")
        self.assertEqual(2, len(self.said(rows.check_helpers)))

    def test_a_parity_page_that_is_stale_is_found(self):
        self.put(TYPES, "BPF_MAP_TYPE(BPF_MAP_TYPE_HASH, hash)\n")
        self.put(HELPERS, "BPF_HELPER_VERIFIED(4, probe_read, INTEGER, ())\n")
        self.put(rows.GENERATOR, (SOURCE / rows.GENERATOR).read_text())
        self.assert_says(rows.check_parity, "missing")
        self.put(rows.PARITY, "all works\n")
        self.assert_says(rows.check_parity, "is not what the tables say")


class Packages(FaultyTree):
    def test_a_program_of_no_listed_package_is_found(self):
        self.put(packages.LIST, "ninja-build\n")
        self.put("tools/a", "#!/usr/bin/env bash\n# tcpdump in a comment\nninja -C build\nls | tcpdump -r -\n")
        self.assert_says(packages.check_packages, "tools/a:4: 'tcpdump' is of package tcpdump")
        self.assertEqual(1, len(self.said(packages.check_packages)))

    def test_a_program_that_python_starts_is_found(self):
        self.put(packages.LIST, "ninja-build\n")
        self.put("tools/a.py", 'run(["tcpdump", "-r", "x"])\n')
        self.assert_says(packages.check_packages, "'tcpdump'")

    def test_a_library_of_no_listed_package_is_found(self):
        self.put(packages.LIST, "ninja-build\n")
        self.put("meson.build", "fmt = dependency('fmt')\n")
        self.assert_says(packages.check_packages, "meson.build:1: 'fmt' is of package libfmt-dev")


class Headers(FaultyTree):
    def setUp(self):
        super().setUp()
        self.build = self.root / "build"
        self.put("build/compile_commands.json", json.dumps([{
            "directory": str(self.build), "file": "../base/a.cc",
            "command": f"clang++-19 -std=c++20 -I{self.root} -c ../base/a.cc"}]))

    def test_a_header_that_leans_on_its_includer_is_found(self):
        self.put("base/a.h", SPDX + "#pragma once\nstd::string name();\n")
        self.assert_says(headers.check_headers, "base/a.h:0: does not compile alone as c++", self.build)

    def test_a_header_with_what_it_uses_passes(self):
        self.put("base/a.h", SPDX + "#pragma once\n#include <string>\nstd::string name();\n")
        self.assert_silent(headers.check_headers, self.build)

    def test_a_shared_header_that_only_cpp_can_read_is_found(self):
        self.put("bpf/abi/host/a.h", SPDX + "#pragma once\nclass A {};\n")
        self.assert_says(headers.check_headers, "does not compile alone as c:", self.build)


def main():
    cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(cases)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
