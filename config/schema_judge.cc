// SPDX-License-Identifier: Apache-2.0
// valijson on the same schema. Its sentences are of last resort; its verdict counts.
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "config/schema.h"

namespace config {
namespace {

nlohmann::json to_json(const Node& node) {
  if (node.is_null()) return nullptr;
  if (node.is_list()) {
    nlohmann::json list = nlohmann::json::array();
    for (const Node& item : node.items) list.push_back(to_json(item));
    return list;
  }
  if (node.is_map()) {
    nlohmann::json object = nlohmann::json::object();
    for (const Member& member : node.members) object[member.key.text] = to_json(member.value);
    return object;
  }
  if (const auto value = node.as_bool()) return *value;
  // valijson 1.0 compares numbers as signed 64-bit; ours above that are in map entries only, which the schema leaves
  // open.
  if (const auto value = node.as_signed()) return *value;
  if (const auto value = node.as_float()) return *value;
  return node.text;
}

// Frames "<root>", "[ports]", "[list]", "[0]" to a pointer.
Where to_where(const std::vector<std::string>& context) {
  Where where;
  for (const std::string& frame : context) {
    if (frame.size() > 2 && frame.front() == '[' && frame.back() == ']')
      where = where / frame.substr(1, frame.size() - 2);
  }
  return where;
}

}  // namespace

void judge_schema(Diagnostics& diagnostics, const Node& root) {
  const nlohmann::json schema_json = nlohmann::json::parse(kSchemaText);
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);

  const nlohmann::json document = to_json(root);
  valijson::ValidationResults results;
  valijson::Validator validator;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return;

  // Errors of the levels above say only that something below is wrong; the deepest one comes first.
  valijson::ValidationResults::Error error;
  if (!results.popError(error)) return;
  diagnostics.add(Code::kSchema, to_where(error.context), "the schema refuses this: " + error.description);
}

}  // namespace config
