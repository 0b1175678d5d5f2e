// SPDX-License-Identifier: Apache-2.0
// BPF_BTF_LOAD: hostile bytes become a checked Btf with an id.
#include "bpf/abi/flags.h"
#include "bpf/btf/fields.h"
#include "control/door_state.h"

namespace control {

Answer btf_load(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.btf_flags & ~u32(bpf::BPF_F_TOKEN_FD)) return base::Error(EINVAL, "unknown btf_flags");
  if (attr.btf_flags & bpf::BPF_F_TOKEN_FD)
    return refuse_token(client, attr.btf_token_fd);
  if (!client.privileged()) return base::Error(EPERM, "loading BTF is not permitted without CAP_BPF");
  if (attr.btf_size > bpf::BTF_MAX_SIZE) return base::Error(E2BIG, "BTF is longer than 16 MiB");
  const UserLog log{attr.btf_log_level, attr.btf_log_size, user_ptr<char>(attr.btf_log_buf)};
  SLUICE_CHECK(check_log(log));
  if (attr.btf == 0 && attr.btf_size != 0) return base::Error(EFAULT, "no BTF");
  if (state.btfs.sweep() >= state.config.limits.btfs_max) client.reclaim();
  if (state.btfs.sweep() >= state.config.limits.btfs_max)
    return base::Error(ENOMEM, "there are " + std::to_string(state.config.limits.btfs_max) + " BTFs, the most allowed");
  auto types = bpf::btf::Btf::parse({user_ptr<const std::byte>(attr.btf), attr.btf_size});
  if (types)
    if (auto sound = bpf::btf::check_struct_fields(*types); !sound) types = std::move(sound.error());
  const std::string text = types ? std::string() : types.error().what() + "\n";
  SLUICE_CHECK(store_log(log, text, attr.btf_log_true_size));
  if (!types) return std::move(types).error();
  auto btf = std::make_shared<Btf>(state.btfs.take_id(), *std::move(types), std::string(), false);
  state.btfs.add(btf);
  return install(client, std::move(btf));
}

}  // namespace control
