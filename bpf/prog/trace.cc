// SPDX-License-Identifier: Apache-2.0
// trace.cc — kprobe, tracepoint, raw_tracepoint, perf_event; beside them syscall, netfilter and lirc_mode2.
//
// Source    asked of Linux 6.18 for every offset and size (tests/oracle/ctx_oracle.cc asks again).
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

using enum CtxKind;

constexpr base::u16 kRegsBytes = 168;        // struct pt_regs of x86-64
constexpr base::u16 kTraceBytes = 8192;      // PERF_MAX_TRACE_SIZE
constexpr base::u16 kRawArgsBytes = 12 * 8;  // MAX_BPF_FUNC_ARGS
constexpr base::u16 kSyscallBytes = 0xffff;  // offsets below U16_MAX

constexpr bpf_attach_type kSessions[] = {BPF_TRACE_KPROBE_SESSION, BPF_TRACE_UPROBE_SESSION};
constexpr ReturnRange kSessionReturns[] = {{0, 1, kSessions}};
constexpr CtxField kRegs[] = {{.name = "pt_regs", .offset = 0, .size = kRegsBytes, .read = Parts::any}};

// Linux also lets programs load from before the record, which is no promise of anything: refused.
constexpr CtxField kRecord[] = {
    {.name = "record", .offset = 8, .size = kTraceBytes - 8, .read = Parts::any},
};

constexpr CtxField kRawArgs[] = {{.name = "args", .offset = 0, .size = kRawArgsBytes, .read = Parts::any}};
constexpr CtxField kWritableArgs[] = {
    {.name = "buffer", .offset = 0, .size = 8, .kind = tp_buffer, .read = Parts::tail},
    {.name = "args", .offset = 8, .size = kRawArgsBytes - 8, .read = Parts::any},
};

constexpr CtxField kPerf[] = {
    {.name = "regs", .offset = 0, .size = kRegsBytes, .read = Parts::longs},
    {.name = "sample_period", .offset = 168, .size = 8, .read = Parts::any},
    {.name = "addr", .offset = 176, .size = 8, .read = Parts::any},
};

constexpr bpf_attach_type kSyscallTypes[] = {bpf_attach_type(0)};
constexpr CtxField kSyscall[] = {
    {.name = "memory", .offset = 0, .size = kSyscallBytes, .read = Parts::any, .write = Parts::any}};

// One sample of an infrared receiver.
constexpr CtxField kSample[] = {{.name = "sample", .offset = 0, .size = 4}};

constexpr bpf_attach_type kNetfilterTypes[] = {BPF_NETFILTER};
constexpr ReturnRange kVerdicts[] = {{0, 1}};
constexpr CtxField kNetfilter[] = {
    {.name = "state", .offset = 0, .size = 8, .kind = nf_hook_state},
    {.name = "skb", .offset = 8, .size = 8, .kind = sk_buff},
};

}  // namespace

const ProgSpec lirc_mode2_prog_spec = {.ctx_name = "", .ctx_size = 4, .fields = kSample, .attach_points = {}};
const ProgSpec kprobe_prog_spec = {.ctx_name = "bpf_user_pt_regs_t",
                                   .ctx_size = kRegsBytes,
                                   .fields = kRegs,
                                   .attach_points = {},
                                   .returns = kSessionReturns};
const ProgSpec tracepoint_prog_spec = {.ctx_name = "", .ctx_size = kTraceBytes, .fields = kRecord, .attach_points = {}};
const ProgSpec raw_tracepoint_prog_spec = {
    .ctx_name = "bpf_raw_tracepoint_args", .ctx_size = kRawArgsBytes, .fields = kRawArgs, .attach_points = {}};
const ProgSpec raw_tracepoint_writable_prog_spec = {
    .ctx_name = "bpf_raw_tracepoint_args", .ctx_size = kRawArgsBytes, .fields = kWritableArgs, .attach_points = {}};
const ProgSpec perf_event_prog_spec = {
    .ctx_name = "bpf_perf_event_data", .ctx_size = 184, .fields = kPerf, .attach_points = {}};
const ProgSpec syscall_prog_spec = {.ctx_name = "",
                                    .ctx_size = kSyscallBytes,
                                    .fields = kSyscall,
                                    .attach_points = {},
                                    .expected_attach_types = kSyscallTypes};
const ProgSpec netfilter_prog_spec = {.ctx_name = "bpf_nf_ctx",
                                      .ctx_size = 16,
                                      .fields = kNetfilter,
                                      .attach_points = {},
                                      .returns = kVerdicts,
                                      .expected_attach_types = kNetfilterTypes};

}  // namespace bpf
