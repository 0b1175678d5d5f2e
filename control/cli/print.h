// SPDX-License-Identifier: Apache-2.0
// print.h — answers of the daemon as text for people; bpftool's lines where bpftool has them.
#pragma once

#include <nlohmann/json.hpp>

namespace control::cli {

void print_programs(const nlohmann::ordered_json& rows);
void print_maps(const nlohmann::ordered_json& rows);
void print_xlated(const nlohmann::ordered_json& rows);
void print_jited(const nlohmann::ordered_json& rows);
void print_dump(const nlohmann::ordered_json& dumps);
void print_links(const nlohmann::ordered_json& rows);
// Of commands that only do something.
void print_nothing(const nlohmann::ordered_json&);
// A list of objects with the same keys: one line each, aligned, nested values below.
void print_table(const nlohmann::ordered_json& rows);

}  // namespace control::cli
