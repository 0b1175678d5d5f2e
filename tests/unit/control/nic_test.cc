// SPDX-License-Identifier: Apache-2.0
// Cards as sysfs tells of them, on a made-up tree: which are free, what binding writes, and a configuration from them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "control/nic/bind.h"
#include "control/nic/init.h"

namespace control {
namespace {

namespace fs = std::filesystem;

class Nics : public testing::Test {
 protected:
  Nics() {
    char path[] = "/tmp/sluice-nics-XXXXXX";
    if (!mkdtemp(path)) throw std::runtime_error("mkdtemp");
    folder_ = path;
    root_ = {.sys = folder_ / "sys", .proc = folder_ / "proc"};
    fs::create_directories(pci() / "devices");
    fs::create_directories(folder_ / "sys/class/net");
    write("sys/bus/pci/drivers_probe", "");
    write("proc/net/route", "Iface\tDestination\tGateway\n");
    write("proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80 lo\n");
  }
  ~Nics() override { fs::remove_all(folder_); }

  fs::path pci() const { return folder_ / "sys/bus/pci"; }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream file(folder_ / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void add_driver(const std::string& name) {
    fs::create_directories(pci() / "drivers" / name);
    write("sys/bus/pci/drivers/" + name + "/unbind", "");
  }
  void add_card(const std::string& address, const std::string& driver, const std::string& interface,
                const std::string& type = "0x020000", const std::string& below = "") {
    const fs::path device = pci() / "devices" / address;
    fs::create_directories(device / "iommu_group");
    write("sys/bus/pci/devices/" + address + "/class", type + "\n");
    write("sys/bus/pci/devices/" + address + "/driver_override", "");
    if (!driver.empty()) {
      add_driver(driver);
      fs::create_symlink(pci() / "drivers" / driver, device / "driver");
    }
    if (interface.empty()) return;
    fs::create_directories(device / below / "net" / interface);
    fs::create_directories(folder_ / "sys/class/net" / interface);
    fs::create_symlink(device, folder_ / "sys/class/net" / interface / "device");
  }

  fs::path folder_;
  SystemRoot root_;
};

TEST_F(Nics, AreThoseOfTheBusAndInterfacesOfOthersWithWhatTheHostNeeds) {
  add_card("0000:00:03.0", "virtio-pci", "eth0", "0x020000", "virtio0");
  add_card("0000:3b:00.0", "ixgbe", "enp59s0f0");
  add_card("0000:3b:00.1", "ixgbe", "enp59s0f1");
  add_card("0000:5e:00.0", "", "");
  add_card("0000:5f:00.0", "nvme", "", "0x010802");
  fs::create_directories(folder_ / "sys/class/net/end0/device");
  fs::create_directories(folder_ / "sys/class/net/lo");
  fs::create_symlink("/nowhere/bond0", folder_ / "sys/class/net/enp59s0f1/master");
  write("proc/net/route", "Iface\tDestination\tGateway\neth0\t00000000\t0100000A\neth0\t0000000A\t00000000\n");
  write("proc/net/if_inet6", "fe80000000000000020000fffe000001 02 40 20 80 enp59s0f0\n");
  const auto nics = find_nics(root_);
  ASSERT_EQ(nics.size(), 5u) << "neither the disk nor the loopback";
  EXPECT_EQ(nics[0].interfaces, std::vector<std::string>{"eth0"});
  EXPECT_EQ(nics[0].needed_for, "eth0 has the default route");
  EXPECT_EQ(nics[1].driver, "ixgbe");
  EXPECT_EQ(nics[1].needed_for, "") << "a link-local address is everybody's";
  EXPECT_EQ(nics[2].needed_for, "enp59s0f1 is part of bond0");
  EXPECT_EQ(nics[3].driver, "");
  EXPECT_EQ(nics[4].address, "");
  EXPECT_EQ(nics[4].interfaces, std::vector<std::string>{"end0"});
  EXPECT_EQ(find_nic(root_, "enp59s0f0")->address, "0000:3b:00.0");
  EXPECT_EQ(find_nic(root_, "0000:5f:00.0").error().code(), ENODEV);
}

TEST_F(Nics, BindingWritesTheThreeWordsThatSysfsWants) {
  add_card("0000:3b:00.0", "ixgbe", "enp59s0f0");
  add_driver("vfio-pci");
  const auto bound = bind_nic(root_, "enp59s0f0", false);
  ASSERT_TRUE(bound) << bound.error().what();
  EXPECT_EQ(*bound, "0000:3b:00.0");
  EXPECT_EQ(read("sys/bus/pci/devices/0000:3b:00.0/driver_override"), "vfio-pci\n");
  EXPECT_EQ(read("sys/bus/pci/drivers/ixgbe/unbind"), "0000:3b:00.0\n");
  EXPECT_EQ(read("sys/bus/pci/drivers_probe"), "0000:3b:00.0\n");
}

TEST_F(Nics, UnbindingGivesTheChoiceBackToTheKernel) {
  add_card("0000:3b:00.0", "vfio-pci", "");
  add_card("0000:3b:00.1", "ixgbe", "enp59s0f1");
  ASSERT_TRUE(unbind_nic(root_, "0000:3b:00.0"));
  EXPECT_EQ(read("sys/bus/pci/devices/0000:3b:00.0/driver_override"), "\n");
  EXPECT_EQ(read("sys/bus/pci/drivers/vfio-pci/unbind"), "0000:3b:00.0\n");
  EXPECT_EQ(read("sys/bus/pci/drivers_probe"), "0000:3b:00.0\n");
  EXPECT_NE(unbind_nic(root_, "enp59s0f1").error().what().find("its driver is ixgbe"), std::string::npos);
}

TEST_F(Nics, TheCardThatTheHostNeedsIsRefusedUnlessForced) {
  add_card("0000:00:03.0", "virtio-pci", "eth0", "0x020000", "virtio0");
  add_driver("vfio-pci");
  write("proc/net/if_inet6", "20010db8000000000000000000000001 02 40 00 80 eth0\n");
  const auto refused = bind_nic(root_, "0000:00:03.0", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EBUSY);
  EXPECT_NE(refused.error().what().find("eth0 has an IPv6 address"), std::string::npos) << refused.error().what();
  EXPECT_EQ(read("sys/bus/pci/drivers/virtio-pci/unbind"), "") << "nothing was written";
  EXPECT_TRUE(bind_nic(root_, "0000:00:03.0", true));
  EXPECT_EQ(read("sys/bus/pci/drivers/virtio-pci/unbind"), "0000:00:03.0\n");
}

TEST_F(Nics, WhatCannotBeBoundIsRefusedInWords) {
  add_card("0000:3b:00.0", "ixgbe", "enp59s0f0");
  fs::create_directories(folder_ / "sys/class/net/end0/device");
  EXPECT_NE(bind_nic(root_, "enp59s0f0", false).error().what().find("modprobe vfio-pci"), std::string::npos);
  EXPECT_NE(bind_nic(root_, "end0", false).error().what().find("not on the PCI bus"), std::string::npos);
  EXPECT_NE(bind_nic(root_, "eth9", false).error().what().find("no network card 'eth9'"), std::string::npos);
  add_driver("vfio-pci");
  fs::remove_all(pci() / "devices/0000:3b:00.0/iommu_group");
  EXPECT_NE(bind_nic(root_, "enp59s0f0", false).error().what().find("no IOMMU group"), std::string::npos);
  write("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
  EXPECT_TRUE(bind_nic(root_, "enp59s0f0", false));
}

// The text is one that the configuration's own reader takes.
config::Config load(const std::string& text, const fs::path& folder) {
  const fs::path file = folder / "sluice.yaml";
  std::ofstream(file) << text;
  const auto result = config::load(file.string());
  EXPECT_TRUE(result.ok()) << config::render_text(result.diagnostics) << text;
  return result.config.value_or(config::Config{});
}

TEST_F(Nics, MakeAConfigurationThatLoads) {
  add_card("0000:00:03.0", "virtio-pci", "eth0");
  add_card("0000:3b:00.0", "vfio-pci", "");
  add_card("0000:3b:00.1", "ixgbe", "enp59s0f1");
  add_card("0000:5e:00.0", "", "");
  write("proc/net/route", "Iface\tDestination\tGateway\neth0\t00000000\t0100000A\n");
  const std::string text = initial_config(root_);
  const config::Config config = load(text, folder_);
  ASSERT_EQ(config.ports.size(), 2u);
  EXPECT_EQ(std::get<config::PciPort>(config.ports[0].options).address, "0000:3b:00.0");
  EXPECT_EQ(std::get<config::AfPacketPort>(config.ports[1].options).iface, "enp59s0f1");
  EXPECT_NE(text.find("left to the host: eth0"), std::string::npos);
  EXPECT_NE(text.find("without driver: 0000:5e:00.0"), std::string::npos);
}

TEST_F(Nics, NoneMakeAConfigurationWithoutAWire) {
  const config::Config config = load(initial_config(root_), folder_);
  ASSERT_EQ(config.ports.size(), 1u);
  EXPECT_EQ(config::kind_name(config.ports[0].options), "null");
}

}  // namespace
}  // namespace control
