// SPDX-License-Identifier: Apache-2.0
// btf_hook.cc — tracing, LSM and struct_ops programs: their context is what the hook's prototype in the kernel's BTF
// says.
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

constexpr base::u16 kArgsBytes = 12 * 8;  // MAX_BPF_FUNC_ARGS
constexpr bpf_attach_type kTracingTypes[] = {BPF_TRACE_RAW_TP, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN,
                                             BPF_TRACE_ITER};
constexpr bpf_attach_type kLsmTypes[] = {BPF_LSM_MAC, BPF_LSM_CGROUP};

}  // namespace

const ProgSpec tracing_prog_spec = {
    .ctx_name = "", .ctx_size = kArgsBytes, .fields = {}, .attach_points = {}, .expected_attach_types = kTracingTypes};
// The expected attach type is the number of the struct's member.
const ProgSpec struct_ops_prog_spec = {
    .ctx_name = "", .ctx_size = kArgsBytes, .fields = {}, .attach_points = {}, .expected_attach_types = {}};
const ProgSpec lsm_prog_spec = {
    .ctx_name = "", .ctx_size = kArgsBytes, .fields = {}, .attach_points = {}, .expected_attach_types = kLsmTypes};

}  // namespace bpf
