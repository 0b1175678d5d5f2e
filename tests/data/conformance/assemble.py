# SPDX-License-Identifier: Apache-2.0
"""Assembles the text of `-- asm` sections: the syntax of the public bpf_conformance cases, and a little more.

One instruction a line, `#` begins a comment, `name:` is a label; a jump goes to a label, to `+N`, or to `exit` (the
last exit instruction). Beyond the public syntax: ldacq{b,h,w,dw}, strel{b,h,w,dw}, may_goto, gotol,
helper calls by number.
"""
import re
import struct

ALU = {"add": 0x00, "sub": 0x10, "mul": 0x20, "div": 0x30, "or": 0x40, "and": 0x50, "lsh": 0x60, "rsh": 0x70,
       "mod": 0x90, "xor": 0xA0, "mov": 0xB0, "arsh": 0xC0}
SIGNED = {"sdiv": "div", "smod": "mod"}
JUMP = {"jeq": 0x10, "jgt": 0x20, "jge": 0x30, "jset": 0x40, "jne": 0x50, "jsgt": 0x60, "jsge": 0x70, "jlt": 0xA0,
        "jle": 0xB0, "jslt": 0xC0, "jsle": 0xD0}
SIZE = {"b": 0x10, "h": 0x08, "w": 0x00, "dw": 0x18}
ATOMIC = {"add": 0x00, "or": 0x40, "and": 0x50, "xor": 0xA0, "xchg": 0xE1, "cmpxchg": 0xF1}
FETCH = 0x01
CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU, CLASS_JMP, CLASS_JMP32, CLASS_ALU64 = 1, 2, 3, 4, 5, 6, 7
SRC_REG, MEM, MEMSX, ATOMIC_MODE = 0x08, 0x60, 0x80, 0xC0
LDDW, EXIT, CALL, CALLX, GOTOL, MAY_GOTO = 0x18, 0x95, 0x85, 0x8D, 0x06, 0xE5


class AsmError(Exception):
    pass


def number(text):
    try:
        return int(text, 0)
    except ValueError:
        raise AsmError(f"'{text}' is not a number") from None


def imm32(text):
    v = number(text)
    if not -(1 << 31) <= v < 1 << 32:
        raise AsmError(f"{text} does not fit 32 bits")
    return v - (1 << 32) if v >= 1 << 31 else v


def is_reg(text):
    return re.fullmatch(r"%?r(10|[0-9])", text) is not None


def reg(text):
    if not is_reg(text):
        raise AsmError(f"'{text}' is not a register")
    return int(text.lstrip("%")[1:])


def memory(text):
    m = re.fullmatch(r"\[\s*(%?r\d+)\s*(?:([+-])\s*(\w+))?\s*\]", text)
    if not m:
        raise AsmError(f"'{text}' is not a memory operand")
    off = number(m[3]) if m[3] else 0
    return reg(m[1]), -off if m[2] == "-" else off


class Insn:
    def __init__(self, code, dst=0, src=0, off=0, imm=0, target=None, far=False):
        self.code, self.dst, self.src, self.off, self.imm = code, dst, src, off, imm
        self.target, self.far = target, far

    def bytes(self):
        return struct.pack("<BBhi", self.code, self.src << 4 | self.dst, self.off, self.imm)


def split_width(name, table):
    """'add32' -> ('add', 32); 'add64' and 'add' -> ('add', 64)."""
    for suffix, bits in (("32", 32), ("64", 64), ("", 64)):
        stem = name[: len(name) - len(suffix)] if suffix else name
        if name.endswith(suffix) and stem in table:
            return stem, bits
    return None, 0


def alu(name, args):
    stem, bits = split_width(name, {**ALU, **SIGNED})
    if stem is None or len(args) != 2:
        return None
    off = 1 if stem in SIGNED else 0
    cls = CLASS_ALU64 if bits == 64 else CLASS_ALU
    op = ALU[SIGNED.get(stem, stem)]
    if is_reg(args[1]):
        return [Insn(op | SRC_REG | cls, reg(args[0]), reg(args[1]), off)]
    return [Insn(op | cls, reg(args[0]), 0, off, imm32(args[1]))]


def neg(name, args):
    if name not in ("neg", "neg32", "neg64"):
        return None
    return [Insn(0x80 | (CLASS_ALU if name == "neg32" else CLASS_ALU64), reg(args[0]))]


def byte_order(name, args):
    m = re.fullmatch(r"(le|be|swap|bswap)(16|32|64)", name)
    if not m:
        return None
    code = {"le": 0xD0 | CLASS_ALU, "be": 0xD8 | CLASS_ALU}.get(m[1], 0xD0 | CLASS_ALU64)
    return [Insn(code, reg(args[0]), imm=int(m[2]))]


def movsx(name, args):
    m = re.fullmatch(r"movsx(8|16|32)(32|64)", name)
    if not m:
        return None
    return [Insn(0xB0 | SRC_REG | (CLASS_ALU64 if m[2] == "64" else CLASS_ALU), reg(args[0]), reg(args[1]), int(m[1]))]


def load_store(name, args):
    m = re.fullmatch(r"(ldxs|ldx|stx|st|ldacq|strel)(b|h|w|dw)", name)
    if not m:
        return None
    kind, size = m[1], SIZE[m[2]]
    if kind in ("ldx", "ldxs", "ldacq"):
        base, off = memory(args[1])
        if kind == "ldacq":
            return [Insn(CLASS_STX | ATOMIC_MODE | size, reg(args[0]), base, off, 0x100)]
        return [Insn(CLASS_LDX | (MEMSX if kind == "ldxs" else MEM) | size, reg(args[0]), base, off)]
    base, off = memory(args[0])
    if kind == "st":
        return [Insn(CLASS_ST | MEM | size, base, 0, off, imm32(args[1]))]
    if kind == "strel":
        return [Insn(CLASS_STX | ATOMIC_MODE | size, base, reg(args[1]), off, 0x110)]
    return [Insn(CLASS_STX | MEM | size, base, reg(args[1]), off)]


def lddw(name, args):
    if name != "lddw":
        return None
    v = number(args[1]) & (1 << 64) - 1
    low, high = (struct.unpack("<i", struct.pack("<I", half))[0] for half in (v & 0xFFFFFFFF, v >> 32))
    return [Insn(LDDW, reg(args[0]), imm=low), Insn(0, imm=high)]


def jump(name, args):
    if name == "ja":
        return [Insn(0x05, target=args[0])]
    if name == "gotol":
        return [Insn(GOTOL, target=args[0], far=True)]
    if name == "may_goto":
        return [Insn(MAY_GOTO, target=args[0])]
    stem, bits = split_width(name, JUMP)
    if stem is None:
        return None
    cls = CLASS_JMP if bits == 64 else CLASS_JMP32
    if is_reg(args[1]):
        return [Insn(JUMP[stem] | SRC_REG | cls, reg(args[0]), reg(args[1]), target=args[2])]
    return [Insn(JUMP[stem] | cls, reg(args[0]), imm=imm32(args[1]), target=args[2])]


def call(name, args):
    if name == "exit":
        return [Insn(EXIT)]
    if name != "call":
        return None
    if args[0].startswith("local "):
        return [Insn(CALL, src=1, target=args[0][6:].strip(), far=True)]
    if is_reg(args[0]):
        return [Insn(CALLX, dst=reg(args[0]))]
    return [Insn(CALL, imm=number(args[0]))]


def atomic(text):
    m = re.fullmatch(r"lock\s+(fetch\s+)?([a-z]+)(32|64)?\s+(\[[^\]]*\])\s*,\s*(\S+)", text)
    if not m:
        return None
    if m[2] not in ATOMIC:
        raise AsmError(f"unknown atomic '{m[2]}'")
    base, off = memory(m[4])
    size = SIZE["w"] if m[3] == "32" else SIZE["dw"]
    return [Insn(CLASS_STX | ATOMIC_MODE | size, base, reg(m[5]), off, ATOMIC[m[2]] | (FETCH if m[1] else 0))]


def encode(text):
    found = atomic(text)
    if found:
        return found
    name, _, rest = text.partition(" ")
    args = [a.strip() for a in rest.split(",")] if rest.strip() else []
    try:
        for family in (alu, neg, byte_order, movsx, load_store, lddw, jump, call):
            found = family(name, args)
            if found:
                return found
    except IndexError:
        raise AsmError(f"'{text}': too few operands") from None
    raise AsmError(f"unknown instruction '{text}'")


def resolve(insns, labels):
    for at, insn in enumerate(insns):
        if insn.target is None:
            continue
        if re.fullmatch(r"[+-]\w+", insn.target):
            distance = number(insn.target)
        elif insn.target in labels:
            distance = labels[insn.target] - at - 1
        else:
            raise AsmError(f"no label '{insn.target}'")
        if insn.far:
            insn.imm = distance
        else:
            insn.off = distance


def assemble(text):
    """-> program bytes. AsmError names the line."""
    insns, labels = [], {}
    for line_number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].split(";")[0].strip()
        try:
            while m := re.match(r"(\w+):\s*", line):
                labels[m[1]] = len(insns)
                line = line[m.end():]
            if line:
                if line == "exit":
                    labels["exit"] = len(insns)
                insns += encode(re.sub(r"\s+", " ", line))
        except AsmError as error:
            raise AsmError(f"line {line_number}: {error}") from None
    resolve(insns, labels)
    return b"".join(i.bytes() for i in insns)
