// SPDX-License-Identifier: Apache-2.0
#include "control/client.h"

namespace control {

base::Result<Target> LocalClient::find(int fd) {
  const auto row = rows_.find(fd);
  if (row == rows_.end()) return base::Error(EBADF, "descriptor " + std::to_string(fd) + " is not open");
  return Target{row->second.handle.object(), row->second.access};
}

int LocalClient::install(std::shared_ptr<Object> object, Access access) {
  int fd = 3;  // as a process that has its standard streams: the lowest free number
  for (const auto& [used, row] : rows_) {
    if (used != fd) break;
    ++fd;
  }
  rows_.emplace(fd, Row{Handle(std::move(object)), access});
  return fd;
}

int LocalClient::close(int fd) { return rows_.erase(fd) ? 0 : -EBADF; }

}  // namespace control
