// SPDX-License-Identifier: Apache-2.0
#include "control/cli/print.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace control::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string field(const Json& row, const char* key) { return row.contains(key) ? text(row[key]) : std::string("-"); }

std::string joined(const Json& list) {
  std::string out;
  for (const Json& v : list) out += (out.empty() ? "" : ",") + text(v);
  return out;
}

std::string date(const Json& row) {
  const std::time_t t = row.value("loaded_at", std::time_t{0});
  std::tm local{};
  localtime_r(&t, &local);
  char out[64];
  std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%S%z", &local);
  return out;
}

void print_pins(const Json& row) {
  if (row.contains("pinned"))
    for (const Json& path : row["pinned"]) std::printf("\tpinned %s\n", text(path).c_str());
}

std::string bytes_line(const Json& list) {
  std::string out;
  for (const Json& b : list) out += (out.empty() ? "" : " ") + text(b).substr(2);
  return out;
}

void print_raw_entry(const Json& entry) {
  std::printf("key: %s", bytes_line(entry["key"]).c_str());
  if (entry.contains("value")) {
    std::printf("  value: %s\n", bytes_line(entry["value"]).c_str());
    return;
  }
  std::printf("\n");
  for (const Json& v : entry["values"])
    std::printf("value (CPU %02d): %s\n", v["cpu"].get<int>(), bytes_line(v["value"]).c_str());
}

bool is_nested(const Json& value) {
  return value.is_object() || (value.is_array() && !value.empty() && value[0].is_structured());
}

// Columns of the scalar keys, in the order in which they first come.
std::vector<std::string> columns_of(const Json& rows) {
  std::vector<std::string> names;
  for (const Json& row : rows)
    for (const auto& [key, value] : row.items())
      if (!is_nested(value) && std::ranges::find(names, key) == names.end()) names.push_back(key);
  return names;
}

void print_nested(const Json& value, int depth) {
  const std::string indent(std::size_t(depth) * 2, ' ');
  if (value.is_array()) {
    for (const Json& item : value) std::printf("%s%s\n", indent.c_str(), text(item).c_str());
    return;
  }
  for (const auto& [key, item] : value.items()) {
    if (is_nested(item)) {
      std::printf("%s%s\n", indent.c_str(), key.c_str());
      print_nested(item, depth + 1);
    } else {
      std::printf("%s%-24s %s\n", indent.c_str(), key.c_str(), text(item).c_str());
    }
  }
}

}  // namespace

void print_programs(const Json& rows) {
  for (const Json& row : rows) {
    std::printf("%s: %s", field(row, "id").c_str(), field(row, "type").c_str());
    if (row.contains("name")) std::printf("  name %s", field(row, "name").c_str());
    std::printf("  tag %s%s", field(row, "tag").c_str(), row.value("gpl_compatible", false) ? "  gpl" : "");
    if (row.contains("run_cnt"))
      std::printf(" run_time_ns %s run_cnt %s", field(row, "run_time_ns").c_str(), field(row, "run_cnt").c_str());
    std::printf("\n\tloaded_at %s  uid %s\n", date(row).c_str(), field(row, "uid").c_str());
    std::printf("\txlated %sB  ", field(row, "bytes_xlated").c_str());
    if (row.contains("bytes_jited")) std::printf("jited %sB", field(row, "bytes_jited").c_str());
    else std::printf("not jited");
    std::printf("  memlock %sB", field(row, "bytes_memlock").c_str());
    if (row.contains("map_ids")) std::printf("  map_ids %s", joined(row["map_ids"]).c_str());
    std::printf("\n");
    if (row.contains("btf_id")) std::printf("\tbtf_id %s\n", field(row, "btf_id").c_str());
    print_pins(row);
  }
}

// As bpftool prints it, with source lines between.
void print_xlated(const Json& rows) {
  for (const Json& row : rows) {
    std::printf("%s:\n", field(row, "name").c_str());
    for (const Json& insn : row["code"]) {
      if (insn.contains("src")) std::printf("; %s\n", field(insn, "src").c_str());
      std::printf("%4u: %s\n", insn.value("insn", 0U), field(insn, "disasm").c_str());
    }
  }
}

void print_jited(const Json& rows) {
  for (const Json& row : rows)
    for (const Json& function : row["code"]) {
      std::printf("%s, %s:\n", field(row, "name").c_str(), field(function, "name").c_str());
      for (const Json& insn : function["insns"]) {
        if (insn.contains("src")) std::printf("; %s\n", field(insn, "src").c_str());
        std::printf("%4x: %-44s%s\n", insn.value("pc", 0U), field(insn, "operation").c_str(),
                    insn.contains("insn") ? ("; " + field(insn, "insn")).c_str() : "");
      }
    }
}

void print_maps(const Json& rows) {
  for (const Json& row : rows) {
    std::printf("%s: %s", field(row, "id").c_str(), field(row, "type").c_str());
    if (row.contains("name")) std::printf("  name %s", field(row, "name").c_str());
    std::printf("  flags 0x%x\n\tkey %sB  value %sB  max_entries %s  memlock %sB%s\n", row.value("flags", 0U),
                field(row, "bytes_key").c_str(), field(row, "bytes_value").c_str(), field(row, "max_entries").c_str(),
                field(row, "bytes_memlock").c_str(), row.value("frozen", 0) ? "  frozen" : "");
    if (row.contains("btf_id")) std::printf("\tbtf_id %s\n", field(row, "btf_id").c_str());
    print_pins(row);
  }
}

void print_links(const Json& rows) {
  for (const Json& row : rows) {
    std::printf("%s: %s  prog %s  ", field(row, "id").c_str(), field(row, "type").c_str(),
                field(row, "prog_id").c_str());
    if (row.contains("ifindex"))
      std::printf("\n\tifindex %s(%s)  ", field(row, "devname").c_str(), field(row, "ifindex").c_str());
    if (row.contains("attach_type")) std::printf("attach_type %s  ", field(row, "attach_type").c_str());
    std::printf("\n");
    print_pins(row);
  }
}

void print_nothing(const Json&) {}

void print_dump(const Json& dumps) {
  for (const Json& dump : dumps) {
    const Json& entries = dump["entries"];
    if (!entries.empty() && entries[0].contains("formatted")) {
      Json plain = Json::array();
      for (const Json& entry : entries) plain.push_back(entry["formatted"]);
      std::printf("%s\n", plain.dump(4, ' ', false, Json::error_handler_t::replace).c_str());
      continue;
    }
    for (const Json& entry : entries) print_raw_entry(entry);
    std::printf("Found %zu element%s\n", entries.size(), entries.size() == 1 ? "" : "s");
  }
}

void print_table(const Json& rows) {
  if (!rows.is_array()) {
    print_nested(rows, 0);
    return;
  }
  const std::vector<std::string> columns = columns_of(rows);
  std::vector<std::size_t> widths;
  for (const std::string& name : columns) {
    std::size_t width = name.size();
    for (const Json& row : rows) width = std::max(width, field(row, name.c_str()).size());
    widths.push_back(width);
  }
  for (std::size_t i = 0; i < columns.size(); ++i) std::printf("%-*s  ", int(widths[i]), columns[i].c_str());
  std::printf("\n");
  for (const Json& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i)
      std::printf("%-*s  ", int(widths[i]), field(row, columns[i].c_str()).c_str());
    std::printf("\n");
    for (const auto& [key, value] : row.items())
      if (is_nested(value)) {
        std::printf("  %s\n", key.c_str());
        print_nested(value, 2);
      }
  }
}

}  // namespace control::cli
