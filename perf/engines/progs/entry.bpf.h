/* SPDX-License-Identifier: Apache-2.0 */
/* entry.bpf.h — behind a program's body: its native entry points. PROGRAM_NAME names the file.
 *
 *   native_<name>        as bpf_prog::run
 *   native_<name>_burst  as bpf_prog::burst: the same loop that the JIT puts around a program
 * Included once, last, by each program.
 */
#ifdef __bpf__
char _license[] SEC("license") = "GPL";
#else
#ifndef MAY
#define MAY 0 /* what the JIT says of the program: XDP_BURST_… */
#endif
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NATIVE_RUN JOIN(native_, PROGRAM_NAME, )
#define NATIVE_BURST JOIN(native_, PROGRAM_NAME, _burst)

static inline __attribute__((always_inline)) uint64_t run_inline(void* ctx, struct bpf_env* env,
                                                                 const struct bpf_prog* self) {
  (void)self;
  return prog((struct xdp_buff*)ctx, env);
}
uint64_t NATIVE_RUN(void* ctx, struct bpf_env* env, const struct bpf_prog* self) {
  return run_inline(ctx, env, self);
}
void NATIVE_BURST(struct xdp_burst* burst, struct bpf_env* env, const struct bpf_prog* self) {
  xdp_burst(burst, env, self, run_inline, MAY);
}
#endif
