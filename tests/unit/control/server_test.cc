// SPDX-License-Identifier: Apache-2.0
#include "control/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/types.h"

namespace control {
namespace {

using base::u32;

class ServerTest : public testing::Test {
 protected:
  ServerTest() : path_(testing::TempDir() + "sluice-server-" + std::to_string(getpid()) + ".sock") {
    auto server = Server::listen({path_, {}});
    EXPECT_TRUE(server.ok()) << server.error().what();
    server_ = *std::move(server);
    server_->add("thing", "show", [](const Json& args, const Peer& peer) -> base::Result<Json> {
      return Json{{"args", args}, {"uid", peer.uid}};
    });
    server_->add("thing", "fail",
                 [](const Json&, const Peer&) -> base::Result<Json> { return base::Error(ENOENT, "not here"); });
    server_->add("thing", "number",
                 [](const Json& args, const Peer&) -> base::Result<Json> { return Json(args.at("n").get<int>()); });
    server_->add("thing", "large",
                 [](const Json&, const Peer&) -> base::Result<Json> { return Json(std::string(8 << 20, 'x')); });
  }

  base::UniqueFd connect_to() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static std::string framed(const std::string& text) {
    const u32 size = u32(text.size());
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
  }
  static void put(const base::UniqueFd& fd, const std::string& bytes) {
    ASSERT_EQ(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  // Lets the server work until a whole answer is here.
  Json answer(const base::UniqueFd& fd) {
    std::string in;
    for (int i = 0; i < 10'000; ++i) {
      server_->poll(1);
      char chunk[65536];
      const ssize_t n = recv(fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (n == 0) return nullptr;
      if (n > 0) in.append(chunk, std::size_t(n));
      u32 size = 0;
      if (in.size() >= sizeof size) std::memcpy(&size, in.data(), sizeof size);
      if (size && in.size() == sizeof size + size) return Json::parse(in.substr(sizeof size));
    }
    ADD_FAILURE() << "no answer";
    return nullptr;
  }

  std::string path_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersWhatItsTableHas) {
  const auto fd = connect_to();
  put(fd, framed(R"({"noun":"thing","verb":"show","args":{"id":3}})"));
  EXPECT_EQ(answer(fd)["value"]["args"]["id"], 3);
  put(fd, framed(R"({"noun":"thing","verb":"fail"})"));
  EXPECT_EQ(answer(fd), (Json{{"error", "not here"}, {"errno", ENOENT}}));
  put(fd, framed(R"({"noun":"thing","verb":"fly"})"));
  EXPECT_EQ(answer(fd)["errno"], EINVAL);
}

TEST_F(ServerTest, MalformedRequestsAreAnsweredAndHurtNobody) {
  const auto other = connect_to();
  for (const char* text :
       {"", "{", "[]", "7", "\xff\xfe", R"({"noun":7,"verb":[]})", R"({"noun":"thing","verb":"number"})",
        R"({"noun":"thing","verb":"number","args":{"n":"text"}})", R"({"noun":"thing","verb":"show","args":3})"}) {
    const auto fd = connect_to();
    put(fd, framed(text));
    const Json reply = answer(fd);
    EXPECT_TRUE(reply.contains("error") || reply.contains("value")) << text;
  }
  put(other, framed(R"({"noun":"thing","verb":"show"})"));
  EXPECT_TRUE(answer(other).contains("value"));
}

TEST_F(ServerTest, ARequestThatIsTooLongIsRefusedBeforeItIsRead) {
  const auto fd = connect_to();
  const u32 size = Server::kRequestBytesMax + 1;
  put(fd, std::string(reinterpret_cast<const char*>(&size), sizeof size));
  EXPECT_EQ(answer(fd)["errno"], EMSGSIZE);
}

TEST_F(ServerTest, RequestsThatComeInPiecesOrTogetherAreAnsweredInOrder) {
  const auto fd = connect_to();
  const std::string one = framed(R"({"noun":"thing","verb":"number","args":{"n":1}})");
  for (const char c : one) {
    put(fd, std::string(1, c));
    server_->poll(0);
  }
  EXPECT_EQ(answer(fd)["value"], 1);
  put(fd, one + framed(R"({"noun":"thing","verb":"number","args":{"n":2}})"));
  std::string in;
  for (int i = 0; i < 1000 && in.find("2}") == in.npos; ++i) {
    server_->poll(1);
    char chunk[4096];
    const ssize_t n = recv(fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0) in.append(chunk, std::size_t(n));
  }
  EXPECT_LT(in.find(R"({"value":1})"), in.find(R"({"value":2})"));
}

TEST_F(ServerTest, AClientThatDoesNotReadHoldsUpNobody) {
  const auto slow = connect_to();
  put(slow, framed(R"({"noun":"thing","verb":"large"})"));
  for (int i = 0; i < 20; ++i) server_->poll(1);
  const auto quick = connect_to();
  put(quick, framed(R"({"noun":"thing","verb":"show"})"));
  EXPECT_TRUE(answer(quick).contains("value"));
  EXPECT_EQ(answer(slow)["value"].get<std::string>().size(), std::size_t{8} << 20);
}

TEST_F(ServerTest, ConnectionsAreBounded) {
  std::vector<base::UniqueFd> many;
  for (std::size_t i = 0; i < Server::kClientsMax; ++i) {
    many.push_back(connect_to());
    server_->poll(1);
  }
  const auto last = connect_to();
  EXPECT_EQ(answer(last)["errno"], EBUSY);
}

TEST_F(ServerTest, OnlyTheOwnerMayReachTheSocket) {
  struct stat st{};
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
}

TEST_F(ServerTest, ASecondDaemonIsRefusedAndAStaleSocketReplaced) {
  EXPECT_EQ(Server::listen({path_, {}}).error().code(), EADDRINUSE);
  const std::string stale = path_ + ".stale";
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, stale.data(), stale.size());
    const base::UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(Server::listen({stale, {}}).ok());
  EXPECT_NE(access(stale.c_str(), F_OK), 0) << "the socket was left behind";
  std::ofstream(stale) << "a file";
  EXPECT_EQ(Server::listen({stale, {}}).error().code(), EEXIST);
  unlink(stale.c_str());
}

}  // namespace
}  // namespace control
