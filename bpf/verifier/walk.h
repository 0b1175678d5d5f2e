// SPDX-License-Identifier: Apache-2.0
// walk.h — the symbolic walk over every path of a program: one step per instruction, states compared where paths join.
//
// Shape     Walk owns the current state, the stack of branches still to be taken and the checkpoints. Its methods are
// spread
//           over files by subject:
//             walk.cc        the loop, branches, budget        prune.cc        checkpoints and their comparison
//             alu.cc         numbers                           pointer_alu.cc  pointers
//             jump.cc        comparisons                       branch_pkt.cc   packet ends, null checks
//             mem_access.cc  what a load or store goes to      stack.cc, packet.cc, ctx_access.cc, atomic.cc: each kind
//             helper_call.cc helpers                           helper_args.cc  their arguments
//             subprog.cc     calls, exits                      global_func.cc  functions walked alone
//             callback.cc    functions that helpers run
//             secrets.cc     what must not become known without CAP_PERFMON
//             speculation.cc where a mispredicting processor goes
//             print.cc       states in Linux's notation
//           A method that can refuse returns false after refuse(); its caller returns false at once.
// Source    soundness: every transfer function maps a state that contains a concrete machine state to one that contains
// its
//           successor; what is not understood is refused. docs/verifier.md has the argument by domain.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi/flags.h"
#include "bpf/registry/helper.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/callback.h"
#include "bpf/verifier/cfg.h"
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/precision.h"
#include "bpf/verifier/problem.h"
#include "bpf/verifier/scalar_branch.h"
#include "bpf/verifier/state.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/subprog_btf.h"

namespace bpf::verifier {

enum class Access : u8 { read, write };

class Walk {
 public:
  Walk(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& btf, u32 log_level, std::string& log);

  // Walks the entry, or a global function by itself. False: problem() says why.
  bool run(u32 subprog);

  const Problem& problem() const { return problem_; }
  // What was proved of each instruction; an access that can go to several kinds of memory has MemKind::none.
  std::vector<InsnFact> take_facts();
  VerifyStats stats() const;
  u32 states_per_insn_max() const { return states_per_insn_max_; }

 private:
  // --- walk.cc
  struct Pending {
    State state;
    u32 from;
    u32 to;
    std::size_t log_size;  // below level 2 the log of a path that went well is taken back
  };
  bool step(bool* path_ends);
  bool step_wide_immediate(const bpf_insn& insn);
  void push_branch(State state, u32 to);
  bool branches_within_limit();
  void close_path(Checkpoint* parent);
  bool pop_branch();
  u32 new_id() { return ++id_count_; }
  bool refuse(int error, std::string log, std::string advice = {});
  bool refuse_unsupported(std::string what);
  const bpf_insn& insn() const { return source_.insns[at_]; }

  const MapFacts& map_facts(u32 index) const { return btf_.maps.facts(index); }
  const btf::Fields& map_fields(u32 index) const { return btf_.maps[index].fields; }
  // Two pointers to one type of map value may be two values: whose lock is it?
  bool may_hold_lock(const Reg& r) const;

  // --- registers (walk.cc)
  Reg& reg(u32 r) { return cur_.frame().regs[r]; }
  bool check_reg_number(u32 r);
  bool check_readable(u32 r);
  bool check_writable(u32 r);
  void set(u32 r, const Reg& value);
  void mark_precise(const Reg& r) {
    if (r.is_scalar()) precision_.mark(r.node);
  }
  template <class F>
  void for_each_reg(State& state, F f);
  void give_id(Reg& r);

  struct Call;
  // --- alu.cc, pointer_alu.cc
  bool step_alu(const bpf_insn& insn);
  bool check_alu_fields(const bpf_insn& insn);
  bool step_mov(const bpf_insn& insn, bool is64);
  bool step_unary(const bpf_insn& insn, bool is64);
  bool step_binary(const bpf_insn& insn, bool is64);
  bool pointer_alu(const bpf_insn& insn, const Reg& pointer, const Reg& scalar, bool pointer_is_dst);
  bool check_pointer_moves(const bpf_insn& insn, const Reg& pointer, const Reg& scalar);
  bool check_sane_offset(const Reg& r, const Reg& pointer);
  struct Masking;
  bool put_moved_pointer(const bpf_insn& insn, const Reg& moved, const Reg& pointer, const Reg& scalar,
                         Masking& masking);

  // --- jump.cc, branch_pkt.cc
  bool step_jump(const bpf_insn& insn, bool* path_ends);
  bool step_conditional(const bpf_insn& insn);
  bool step_may_goto(const bpf_insn& insn);
  bool check_jump_fields(const bpf_insn& insn);
  bool never_null(const Reg& r) const;
  Branch decide_pointers(const bpf_insn& insn, const Reg& a, const Reg& b);
  void limit_links(const Reg& a, const Reg& b);
  void learn(State& state, const bpf_insn& insn, bool taken);
  void learn_scalars(State& state, const bpf_insn& insn, bool taken);
  void spread(State& state, const Reg& from, u32 node);
  void learn_null(State& state, u32 id, bool is_null);
  void settle_not_null(Reg& r) const;
  bool is_packet_comparison(const bpf_insn& insn) const;
  void learn_packet_end(State& state, const bpf_insn& insn, bool taken);
  void learn_packet_range(State& state, const Reg& pointer, bool open);

  // --- secrets.cc
  // A pointer (or what was lost) that the program must not learn the address of.
  bool is_secret(const Reg& r) const { return !source_.caps.perfmon && !r.is_scalar(); }
  bool check_leak(Access how, int value, const char* into);
  bool check_may_see_struct(std::string_view name);
  bool check_source_comparable(const bpf_insn& insn);
  bool check_destination_comparable(const bpf_insn& insn);
  bool spoils_pointer(u32 frame, s64 low, s64 high) const;
  bool check_stack_readable(u32 r, s64 insn_off, s64 bytes);
  bool check_one_tail_map(const Call& call);

  // --- speculation.cc: without CAP_PERFMON
  struct Masking {
    u32 limit = 0;
    u8 how = 0;
    bool leftwards = false;
  };
  struct Mask {
    u32 limit = 0;
    u8 how = 0;                  // 0: none yet
    bool fenced = false;         // no speculation reaches the instruction
    bool fenced_behind = false;  // … or goes beyond it
    int tail_map = -1;
  };
  bool push_speculative(u32 to, const bpf_insn* decided);
  bool may_go_on_speculating() const { return !cur_.speculative || !masks_[at_].fenced; }
  bool is_fenced_behind() const { return cur_.speculative && masks_[at_].fenced_behind; }
  bool stop_speculating();
  bool check_number_alu(const bpf_insn& insn);
  bool begin_masking(const bpf_insn& insn, const Reg& pointer, const Reg& scalar, bool pointer_is_dst,
                     Masking& masking);
  bool end_masking(const bpf_insn& insn, const Reg& moved, const Reg& scalar, Masking& masking);
  bool refuse_masking(const bpf_insn& insn, u32 r, const char* text);
  bool is_masked(const bpf_insn& insn) const;
  bool find_mask_limit(const Reg& pointer, bool leftwards, u32* limit, bool* known) const;
  bool check_moved_bounds(u32 r);
  void fence_spill(const Slot& slot, u32 first, int bytes, const Reg& value);

  // --- mem_access.cc
  bool step_load(const bpf_insn& insn);
  bool step_store(const bpf_insn& insn);
  // `value`: register loaded into or stored, -1 for none (an immediate, a helper).
  bool access(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend = false);
  bool access_map_value(u32 r, s64 off, int bytes, Access how, int value, bool sign_extend);
  bool check_map_cap(const Reg& ptr, Access how, s64 off, s64 bytes);
  bool check_alignment(const Reg& ptr, s32 off, int bytes);
  // The region [off, off + bytes) of an object of `size` bytes for every value of the pointer's variable part.
  bool check_region(u32 r, const Reg& ptr, s64 off, s64 bytes, s64 size, bool zero_ok);
  bool check_region_end(u32 r, const Reg& ptr, s64 off, s64 bytes, s64 size, bool zero_ok);
  void put_loaded(int value, int bytes, bool sign_extend);
  bool note_mem(MemKind kind, bool mixes = false);
  // --- atomic.cc
  bool step_atomic(const bpf_insn& insn);
  bool step_aligned_atomic(const bpf_insn& insn);
  bool check_atomic_fields(const bpf_insn& insn);
  bool check_atomic_target(const Reg& pointer, u32 r, const char* verb);
  // --- ctx_args.cc
  bool access_argument(s32 off, int bytes, Access how, int value, bool sign_extend);
  void put_result(u32 r, ReturnRange range);
  bool load_pointer_argument(u32 pointee, u32 index, int value, const std::string& arg);
  // --- ctx_access.cc
  bool access_ctx(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  const CtxField* find_ctx_access(s32 off, int bytes, Access how) const;
  bool check_pointer_unmodified(const Reg& ptr, u32 r);
  // --- buffer_access.cc
  bool access_flow_keys(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  bool access_buffer(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  bool check_buffer(u32 r, s64 at, s64 bytes);
  // --- packet.cc
  bool step_legacy_load(const bpf_insn& insn);
  void push_early_return();
  bool access_packet(u32 r, s32 off, int bytes, Access how, int value);
  bool check_packet(u32 r, s64 off, s64 bytes, bool zero_ok);
  void forget_packet_pointers();
  // --- stack.cc
  bool access_stack(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  bool check_stack_bounds(u32 r, s32 off, s64 bytes, Access how, bool by_helper, s64* low, s64* high);
  Frame& stack_frame(const Reg& ptr) { return cur_.frames[ptr.frame]; }
  bool read_stack_fixed(u32 frame, s64 off, int bytes, int value);
  bool read_stack_varying(u32 frame, s64 low, s64 high, int value);
  bool write_stack_fixed(u32 frame, s64 off, int bytes, int value);
  bool write_stack_varying(u32 frame, s64 low, s64 high, int bytes, int value);
  void store_spill(u32 frame, s64 off, int bytes, const Reg& value);
  void clobber_stack(u32 frame, s64 low, s64 high, Byte with);
  bool check_no_dynptr(u32 r, s64 low, s64 high);
  void grow_stack(u32 frame, s64 low);
  void note_stack_read(u32 frame, s64 low, s64 high);
  void note_stack_write(u32 frame, s64 off, s64 bytes);
  Reg stored_value(int value) const;
  void mark_slot_read(u32 frame, u32 slot);

  // --- value_fields.cc
  struct KfuncCall;
  bool check_value_fields(u32 r, s64 off, int bytes, bool by_helper);
  const btf::Field* check_field_arg(Call& call, u32 r, btf::FieldKind kind);
  // --- kptr.cc
  bool access_kptr(u32 r, const btf::Field& field, Access how, int value);
  u32 owner_of_type(const Reg& holder, const btf::Field& field) const;
  u16 flags_of_kptr(const btf::Field& field, u32 whose) const;
  bool check_kptr_match(const btf::Field& field, u32 whose, u32 r);
  bool check_kptr_place(Call& call, u32 r);
  bool check_kptr_value(const Call& call, u32 r);
  bool give_to_kptr(u32 ref);
  void put_kptr(const Call& call);
  const btf::Fields* fields_of(const Reg& r) const;
  bool check_timer_arg(Call& call, u32 r);
  bool check_kfunc_field(KfuncCall& call, u32 r, btf::FieldKind kind);
  // --- lock.cc
  static constexpr s32 kErrnoMax = 4095;
  bool check_lock_place(u32 r, btf::FieldKind kind, const char* word);
  void take_lock(const Reg& p, Reference::Type type);
  bool drop_lock(const Reg& p, Reference::Type type, const char* word);
  bool holds_lock_of(const Reg& p) const;
  bool check_spin_lock_arg(Call& call, u32 r);
  bool check_res_lock_arg(KfuncCall& call, u32 r);
  bool push_failed_lock(State before);
  // --- graph.cc
  bool adds_to_tree(const bpf_insn& insn) const;
  bool in_tree_callback() const;
  bool check_graph_root(KfuncCall& call, u32 r, btf::FieldKind kind);
  bool check_graph_node(KfuncCall& call, u32 r, btf::FieldKind kind);
  Reg element_pointer(const KfuncCall& call) const;
  void set_non_owning(Reg& r) const;
  bool give_to_collection(const KfuncCall& call);
  bool push_tree_callback(const KfuncCall& call);
  // --- alloc_object.cc
  bool put_new_object(const KfuncCall& call);
  bool check_allocated_arg(KfuncCall& call, u32 r);
  bool check_refcounted_arg(KfuncCall& call, u32 r);
  void put_counted_object(const KfuncCall& call);
  bool check_btf_offset(u32 r);
  bool check_special_offset(const KfuncCall& call, u32 r);
  bool put_cpu_part(const Call& call, bool or_null);

  // --- map_access.cc
  bool access_map_ptr(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  bool check_constant_string(u32 r);
  // --- arena.cc
  bool has_arena() const;
  bool check_space_cast(const bpf_insn& i);
  bool access_arena(int bytes, Access how, int value, bool sign_extend);
  // --- kernel_symbol.cc
  bool load_kernel_symbol(const bpf_insn& i);
  // --- helper_btf.cc
  const btf::KernelBtf* kernel_types();
  bool check_btf_arg(const Call& call, u32 r, Arg type);
  bool put_btf_result(const Call& call);

  // --- sock_access.cc
  bool access_socket(u32 r, s64 off, int bytes, Access how, int value, bool sign_extend);

  // --- dynptr.cc
  struct DynptrUse {
    DynptrType type = DynptrType::none;
    u32 id = 0;
    u32 ref = 0;
    bool may_be_packet = false;  // writing it may move a packet
  };
  bool make_dynptr(u32 r, DynptrType type, u32 clone_of_ref);
  bool check_dynptr(u32 r, DynptrUse* use);
  bool find_dynptr(u32 r, DynptrUse* use);
  bool check_helper_dynptr(Call& call, u32 r, Arg type);
  bool check_dynptr_release(u32 r);
  void release_dynptr(u32 ref);
  bool overwrite_dynptr(u32 frame, u32 slot);
  void forget_dynptr(u32 frame, u32 first);

  // --- helper_call.cc, helper_result.cc, helper_args.cc
  void push_tail_call_return();
  struct Call {
    u32 id = 0;
    const HelperProto* proto = nullptr;
    int map = -1;                  // index of the map argument
    std::optional<u64> array_key;  // constant key of an array look-up
    int raw_reg = 0;               // argument whose memory the helper fills
    s64 raw_bytes = 0;
    u32 ref = 0;                       // reference of the one argument that has one
    int release_reg = 0;               // argument that is given up
    u32 map_uid = 0;                   // look-up behind the map argument, or behind the value whose object is used
    int object_map = -1;               // map in whose value the argument's object lies
    u64 alloc_bytes = 0;               // constant size of the memory asked for
    const btf::Field* kptr = nullptr;  // bpf_kptr_xchg: the field
    u32 kptr_types = 0;                // … and whose type it names
    DynptrUse dynptr;                  // that it works on
    Reg percpu;                        // argument that has a part for each CPU
  };
  bool call_helper(const bpf_insn& insn);
  bool check_sleeping_place(const Call& call);
  bool check_call_args(Call& call);
  bool check_arg(Call& call, u32 r, Arg type);
  bool packet_for_helper(const Call& call) const;
  bool check_packet_arg(const Call& call, u32 r);
  bool check_arg_kind(Call& call, u32 r, Arg type);
  bool check_arg_offset(u32 r, Arg type);
  bool resolve_value_arg(const Call& call, Arg* type);
  bool note_reference(Call& call, u32 r, Arg type);
  bool check_constant_arg(Call& call, u32 r);
  bool check_map_arg(Call& call, u32 r);
  bool check_map_matches_helper(const Call& call);
  // `all`: the helper fills all of memory that it is given to write.
  bool check_memory_arg(Call& call, u32 r, s64 bytes, Arg type, bool zero_ok, bool all = true);
  bool check_size_arg(Call& call, u32 r, Arg type, Arg mem_type);
  bool check_helper_memory(Call& call, u32 r, s64 bytes, Access how, bool zero_ok);
  bool check_helper_stack(u32 r, s64 bytes, Access how, bool zero_ok);
  std::optional<u64> constant_array_key(const Reg& key, u32 map);
  bool release_argument(const Call& call);
  bool put_helper_result(const Call& call);
  bool put_map_value(const Call& call, bool or_null);
  bool name_reference(const Call& call);
  bool finish_call(const Call& call);

  // --- kfunc_call.cc, kfunc_args.cc
  struct IteratorPlace {
    u32 frame;
    u32 first;  // slot with the lowest address
    u32 slots;
    u32 type;
  };
  struct IrqPlace {
    u32 frame;
    u32 slot;
    bool saves;
    bool of_lock;
  };
  struct KfuncCall {
    const KfuncProto* proto = nullptr;
    u32 ref = 0;            // of the argument that holds one
    u32 released = 0;       // register whose reference the function takes
    u64 constant = 0;       // of a __k parameter
    u32 checked_sizes = 0;  // parameters done together with the memory before them
    std::optional<IteratorPlace> iterator;
    bool iterator_is_rcu = false;
    DynptrUse dynptr;            // the last one that was there before
    bool writes_packet = false;  // by way of a dynptr, maybe
    std::optional<IrqPlace> irq;
    int map = -1;                              // the map argument
    int object_map = -1;                       // map in whose value an argument's object lies
    u32 map_uid = 0;                           // look-up behind them
    int callback = -1;                         // subprogram
    const btf::Field* root = nullptr;          // list head or tree root
    u32 root_types = 0;                        // … and whose type its elements are of
    Reg object;                                // the one whose references are counted
    bool owning = false;                       // … and the program owns it
    std::vector<std::pair<u32, s64>> written;  // registers and bytes the function may write
  };
  bool call_kfunc(const bpf_insn& insn);
  const KfuncProto* find_kfunc_proto(u32 id, std::string_view* name);
  bool check_kfunc_place(const KfuncCall& call);
  bool apply_kfunc_sections(const KfuncCall& call);
  bool put_kfunc_result(const KfuncCall& call);
  bool put_pointer_result(const KfuncCall& call);
  bool put_special_result(const KfuncCall& call, bool* done);
  bool check_kfunc_args(KfuncCall& call);
  bool check_kfunc_arg(KfuncCall& call, u32 index);
  bool refuse_unread(u32 r);
  bool check_kfunc_number(KfuncCall& call, u32 r, const KfuncParam& param);
  bool check_kfunc_pointer(KfuncCall& call, u32 r, const KfuncParam& param);
  bool check_kfunc_string(u32 r);
  bool check_kfunc_struct(KfuncCall& call, u32 r, const KfuncParam& param);
  bool check_kfunc_memory(KfuncCall& call, u32 r, const KfuncParam& param);
  bool check_kfunc_sized_memory(KfuncCall& call, u32 r, const KfuncParam& param);
  bool check_kfunc_memory_pair(KfuncCall& call, u32 r);
  bool check_kfunc_constant_size(KfuncCall& call, u32 r);
  bool check_kfunc_bytes(KfuncCall& call, u32 r, s64 bytes);
  bool check_pointer_fixed(u32 r);
  // --- dynptr_kfunc.cc
  bool check_kfunc_dynptr(KfuncCall& call, u32 r, const KfuncParam& param);
  bool put_slice(const KfuncCall& call);
  bool finish_kfunc_args(KfuncCall& call);
  // --- iterator.cc, irq_flag.cc
  bool find_object_place(u32 r, u32 slots, const char* what, std::optional<u32>* first);
  bool is_initialized_iterator(const Frame& frame, u32 first, u32 slots, u32 type) const;
  bool check_iterator_arg(KfuncCall& call, u32 r, const KfuncParam& param);
  bool apply_iterator(const KfuncCall& call);
  bool fork_iterator(const KfuncCall& call);
  bool at_active_iterator() const;
  bool iterators_turned(const State& old) const;
  void distrust_rcu_iterators();
  bool is_iterator_next(const bpf_insn& insn);
  bool check_irq_flag_arg(KfuncCall& call, u32 r);
  bool apply_irq_flag(const KfuncCall& call);
  // --- btf_access.cc
  static constexpr u16 kLoadedMayBeNull = 1 << 15;  // of flags_of_loaded() only
  bool access_btf(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend);
  bool check_btf_place(u32 r, s64 off);
  bool check_field_write(const Reg& pointer, s64 off, int bytes);
  bool check_no_special_field(const Reg& pointer, s64 off, int bytes);
  bool load_field(const Reg& pointer, s64 off, int bytes, int value, bool sign_extend);
  u16 flags_of_loaded(const Reg& pointer, const WalkedField& field) const;
  const btf::Btf& types_at(u32 whose) const;
  const btf::Btf& types_of(const Reg& r) const;
  static Reg btf_pointer(u32 type, u16 flags, u32 whose);
  bool is_trusted(const Reg& r) const;
  bool is_rcu(const Reg& r) const;
  bool in_rcu_section() const;
  bool holds_lock() const;
  bool is_sleepable() const { return cur_.sleepable; }
  // --- references.cc
  u32 acquire_reference(Reference::Type type);
  static bool drop_reference(State& state, u32 id);
  bool release_reference(u32 id);
  // At an exit, a tail call: `who` begins Linux's sentence.
  bool check_nothing_held(const std::string& who, bool sections);

  // --- subprog.cc
  bool call_subprog(const bpf_insn& insn);
  bool step_exit(bool* path_ends);
  bool check_return();
  bool refuse_return(const char* where, u32 r, const Reg& value, ReturnRange range);
  const ReturnRange* find_return_range() const;
  bool set_up_entry(u32 subprog);
  void clobber_caller_saved();

  // --- global_func.cc
  bool set_up_arguments(u32 subprog);
  bool call_global(u32 subprog);
  bool check_global_arg(const GlobalArg& want, u32 r);
  bool check_global_object(const GlobalArg& want, u32 r);
  bool check_global_memory(const GlobalArg& want, u32 r);

  // --- exception.cc
  bool step_throw(const bpf_insn& insn, bool* path_ends);

  // --- callback.cc
  bool push_callback(const Callback& callback);
  void enter_callback(Frame& frame, const Callback& callback, u32 depth);
  bool check_iterable(const Call& call);
  bool call_callback(const Call& call);
  bool check_callback_return(const char* where);
  bool check_kfunc_callback(KfuncCall& call, u32 r);
  bool check_kfunc_map(KfuncCall& call, u32 r);
  bool call_kfunc_callback(const KfuncCall& call);

  // --- prune.cc
  enum class Exact : u8 { no, range_within, yes };
  // `pruned`: a state that includes this one was walked already.
  void visit(bool* refused, bool* pruned);
  bool refuse_endless(const State& before);
  bool includes_state(const Checkpoint& old, Exact exact);
  bool includes_frame(const Frame& old, const Frame& now, u32 live, u64 slots, Exact exact);
  bool includes_reg(const Reg& old, const Reg& now, Exact exact);
  bool includes_object(const Slot& old, const Slot& now);
  bool includes_slot(const Slot& old, const Slot* now, Exact exact);
  // Without CAP_BPF every number counts by its value.
  bool is_precise(const Reg& r) const { return !source_.caps.bpf || precision_.marked(r.node); }
  bool same_id(u32 old, u32 now);
  bool same_reference(u32 old, u32 now);
  bool includes_references(const State& old);
  u32 live_registers(const State& state, u32 frame) const;
  void take_checkpoint();
  void widen(State& state, u32 head) const;
  void inherit_marks(Checkpoint& old);

  // --- print.cc
  std::string print_reg(const Reg& r) const;
  std::string print_slot(const Slot& slot) const;
  std::string print_dynptr(const Slot& first) const;
  std::string print_frame(const State& state, u32 frame, bool all) const;
  u32 print_level() const { return log_level_ & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2); }
  void log_frames(const char* first_name, u32 first, const char* newest_name);
  void log_instruction();
  void log_effects();
  const char* speculative_text() const { return cur_.speculative ? " (speculative execution)" : ""; }
  void log_pruned();

  const ProgSource& source_;
  const ProgSpec& spec_;
  const bpf_attach_type attach_;  // expected at load, or what stands for 0
  Cfg& cfg_;
  ProgramBtf& btf_;  // its kernel types are read when the walk needs them
  const u32 log_level_;
  std::string& log_;

  State cur_;
  u32 at_ = 0;
  u32 next_ = 0;
  u32 prev_ = 0;
  std::vector<Pending> pending_;
  std::deque<Checkpoint> checkpoints_;
  std::vector<std::vector<Checkpoint*>> explored_;  // by instruction
  Precision precision_;
  std::vector<InsnFact> facts_;
  std::vector<Mask> masks_;               // by instruction; empty with CAP_PERFMON
  bool masks_depend_on_numbers_ = false;  // states are compared strictly from now on
  std::vector<bool> mixed_memory_;
  Problem problem_;
  std::map<u32, std::unique_ptr<KfuncProto>> kfuncs_;                                  // read so far
  mutable std::map<std::pair<u32, u32>, std::unique_ptr<btf::Fields>> struct_fields_;  // (whose, type) looked at so far
  std::vector<std::pair<u32, u32>> id_map_;  // during a comparison: old id -> id of the current state

  u32 id_count_ = 0;
  u32 walked_subprog_ = 0;
  u32 processed_ = 0;
  u32 processed_at_checkpoint_ = 0;
  u32 jumps_ = 0;
  u32 jumps_at_checkpoint_ = 0;
  u32 states_total_ = 0;
  u32 states_now_ = 0;
  u32 states_peak_ = 0;
  u32 states_per_insn_max_ = 0;
  u32 touched_regs_ = 0;  // since the last line of the log
  u64 touched_slots_ = 0;
  bool print_whole_ = false;  // the next line begins with the whole state
  bool returned_ = false;     // … which was printed at the return already
  bool came_from_ = false;    // … and with where the path branched off
  u32 last_line_ = ~u32{0};
  bool strict_alignment_ = false;  // of the access in hand: atomic ones are always aligned
};

template <class F>
void Walk::for_each_reg(State& state, F f) {
  for (Frame& frame : state.frames) {
    for (Reg& r : frame.regs) f(r);
    for (Slot& s : frame.stack)
      if (s.is_spill()) f(s.spilled);
  }
}

}  // namespace bpf::verifier
