#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py INPUT OUTPUT SYMBOL — writes an assembler file that holds INPUT between SYMBOL_begin and SYMBOL_end."""
import hashlib
import pathlib
import sys

source, output, symbol = sys.argv[1:]
path = pathlib.Path(source).resolve()
digest = hashlib.sha256(path.read_bytes()).hexdigest()
# The digest makes the text change with the bytes: compiler caches look at the text alone.
pathlib.Path(output).write_text(f"""/* SPDX-License-Identifier: Apache-2.0 */
/* {digest} */
.section .rodata
.balign 16
.globl {symbol}_begin
{symbol}_begin:
.incbin "{path}"
.globl {symbol}_end
{symbol}_end:
.byte 0
.section .note.GNU-stack,"",@progbits
""")
