// SPDX-License-Identifier: Apache-2.0
#include "control/object_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "bpf/load/loader_limits.h"

namespace control {
namespace {

base::Error not_elf(std::string why) { return {ENOEXEC, std::move(why)}; }

base::Status check_head(const Elf64_Ehdr& head, std::size_t got, off_t size) {
  if (got < SELFMAG || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return not_elf("not an ELF file");
  if (got < sizeof head) return not_elf("truncated: it ends inside the ELF header");
  if (head.e_ident[EI_CLASS] != ELFCLASS64) return not_elf("a 32-bit ELF file, not an eBPF object");
  if (head.e_ident[EI_DATA] != ELFDATA2LSB) return not_elf("an object of the other byte order (bpfeb)");
  if (head.e_machine != EM_BPF)
    return not_elf("an ELF file for machine " + std::to_string(head.e_machine) +
                   ", not an eBPF object (clang -target bpf)");
  if (head.e_type != ET_REL) return not_elf("not a relocatable object (clang -c)");
  if (head.e_shoff == 0 || head.e_shoff > std::uint64_t(size) ||
      head.e_shnum * std::uint64_t{sizeof(Elf64_Shdr)} > std::uint64_t(size) - head.e_shoff)
    return not_elf("truncated: its section table lies behind its end");
  return base::success();
}

}  // namespace

base::Result<base::UniqueFd> open_object_file(const std::string& path) {
  // O_NONBLOCK: a FIFO in place of a file must not hang us.
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return base::Error(errno, std::strerror(errno));
  struct stat st{};
  if (fstat(fd.get(), &st) != 0) return base::Error(errno, std::strerror(errno));
  if (S_ISDIR(st.st_mode)) return base::Error(EISDIR, "a directory, not an object file");
  if (!S_ISREG(st.st_mode)) return base::Error(ENOEXEC, "not a regular file");
  if (st.st_size == 0) return not_elf("the file is empty");
  if (st.st_size > off_t(bpf::load::kObjectBytesMax))
    return base::Error(EFBIG, std::to_string(st.st_size) + " bytes; an object has at most 64 MiB");
  Elf64_Ehdr head{};
  const ssize_t got = pread(fd.get(), &head, sizeof head, 0);
  if (got < 0) return base::Error(errno, std::strerror(errno));
  SLUICE_CHECK(check_head(head, std::size_t(got), st.st_size));
  return fd;
}

}  // namespace control
