/* SPDX-License-Identifier: Apache-2.0 */
/* map.c — helpers whose first argument is a map: one call through the map's own table.
 *
 * Shape     for the interpreter and for call sites that can see several maps; where the JIT knows the map it calls the
 *           body named in MapOps::symbols instead.
 */
#include "bpf/runtime/runtime.h"

#define MAP(r) ((struct bpf_map*)(uintptr_t)(r))
#define PTR(r) ((const void*)(uintptr_t)(r))

BPF_BODY(bpf_map_lookup_elem) {
  return (uintptr_t)MAP(r1)->runtime->lookup(env, MAP(r1), MAP(r1)->shape, PTR(r2));
}

BPF_BODY(bpf_map_update_elem) {
  return (uint64_t)MAP(r1)->runtime->update(env, MAP(r1), MAP(r1)->shape, PTR(r2), PTR(r3), r4);
}

BPF_BODY(bpf_map_delete_elem) {
  return (uint64_t)MAP(r1)->runtime->erase(env, MAP(r1), MAP(r1)->shape, PTR(r2));
}

BPF_BODY(bpf_map_lookup_percpu_elem) {
  return (uintptr_t)MAP(r1)->runtime->lookup_percpu(env, MAP(r1), MAP(r1)->shape, PTR(r2), (uint32_t)r3);
}

BPF_BODY(bpf_map_push_elem) { return (uint64_t)MAP(r1)->runtime->push(env, MAP(r1), MAP(r1)->shape, PTR(r2), r3); }

BPF_BODY(bpf_map_pop_elem) {
  return (uint64_t)MAP(r1)->runtime->pop(env, MAP(r1), MAP(r1)->shape, (void*)(uintptr_t)r2);
}

BPF_BODY(bpf_map_peek_elem) {
  return (uint64_t)MAP(r1)->runtime->peek(env, MAP(r1), MAP(r1)->shape, (void*)(uintptr_t)r2);
}

BPF_BODY(bpf_redirect_map) {
  return (uint64_t)MAP(r1)->runtime->redirect(env, MAP(r1), MAP(r1)->shape, r2, r3);
}

/* The index is 32 bits wide; an empty slot does not spend a call, as under Linux's x86 JIT. */
BPF_BODY(bpf_tail_call) {
  const struct bpf_prog_array* array = (const struct bpf_prog_array*)(uintptr_t)r2;
  const uint32_t index = (uint32_t)r3;
  if (index >= array->map.shape.max_entries || env->tail_calls == 0) return 0;
  const struct bpf_prog* next = __atomic_load_n(&array->slots[index], __ATOMIC_ACQUIRE);
  if (!next) return 0;
  --env->tail_calls;
  return (uintptr_t)next;
}
