// SPDX-License-Identifier: Apache-2.0
#include "control/nic/bind.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace control {
namespace {

base::Status write_word(const std::string& path, const std::string& word) {
  errno = 0;
  std::ofstream file(path, std::ios::app);  // sysfs files are not made anew
  file << word << '\n' << std::flush;
  if (file) return base::success();
  const int code = errno ? errno : EIO;
  return base::Error(code, path + ": " + std::strerror(code));
}

// Away from its driver, then to whichever `driver_override` names; empty: the kernel's choice.
base::Status move_to(const SystemRoot& root, const Nic& nic, const std::string& driver) {
  const std::string bus = root.sys + "/bus/pci/";
  SLUICE_CHECK(write_word(bus + "devices/" + nic.address + "/driver_override", driver));
  if (!nic.driver.empty()) SLUICE_CHECK(write_word(bus + "drivers/" + nic.driver + "/unbind", nic.address));
  return write_word(bus + "drivers_probe", nic.address);
}

base::Result<Nic> find_card(const SystemRoot& root, const std::string& name) {
  SLUICE_TRY(Nic nic, find_nic(root, name));
  if (nic.address.empty())
    return base::Error(EINVAL, name + " is not on the PCI bus: kinds af_xdp and af_packet use it");
  return nic;
}

// vfio-pci takes no device without an IOMMU unless it was told to.
base::Status check_iommu(const SystemRoot& root, const Nic& nic) {
  std::error_code ignored;
  if (std::filesystem::exists(root.sys + "/bus/pci/devices/" + nic.address + "/iommu_group", ignored))
    return base::success();
  char allowed = 'N';
  std::ifstream(root.sys + "/module/vfio/parameters/enable_unsafe_noiommu_mode") >> allowed;
  if (allowed == 'Y') return base::success();
  return base::Error(ENODEV, nic.address +
                                 " is in no IOMMU group: switch the IOMMU on (intel_iommu=on, amd_iommu=on), or "
                                 "set vfio's enable_unsafe_noiommu_mode");
}

}  // namespace

base::Result<std::string> bind_nic(const SystemRoot& root, const std::string& name, bool force) {
  SLUICE_TRY(Nic nic, find_card(root, name));
  if (nic.driver == kBindDriver) return nic.address;
  if (!nic.needed_for.empty() && !force)
    return base::Error(EBUSY, nic.address + " is needed by the host: " + nic.needed_for +
                                  ". Binding it would cut the host off; --force if that is meant");
  std::error_code ignored;
  if (!std::filesystem::exists(root.sys + "/bus/pci/drivers/" + kBindDriver, ignored))
    return base::Error(ENOENT, std::string(kBindDriver) + " is not loaded: modprobe " + kBindDriver);
  SLUICE_CHECK(check_iommu(root, nic));
  SLUICE_CHECK(move_to(root, nic, kBindDriver));
  return nic.address;
}

base::Result<std::string> unbind_nic(const SystemRoot& root, const std::string& name) {
  SLUICE_TRY(Nic nic, find_card(root, name));
  if (nic.driver != kBindDriver)
    return base::Error(EINVAL, nic.address + " is not bound to " + kBindDriver + ": its driver is " +
                                   (nic.driver.empty() ? "none" : nic.driver));
  SLUICE_CHECK(move_to(root, nic, ""));
  return nic.address;
}

}  // namespace control
