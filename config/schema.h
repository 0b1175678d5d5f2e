// SPDX-License-Identifier: Apache-2.0
// schema.h — a tree checked against the JSON Schema of the file format.
//
// Shape     One schema, config/schema/v1.json, is built into the program and installed for editors. Two readers: the
//           explainer walks tree and schema side by side and tells every problem in words (near-miss keys, units, kinds
//           of ports, parts not available yet); the judge is valijson. Where the explainer finds nothing and the judge
//           does, the judge's sentence is given (E0299): no keyword of the schema can be overlooked.
// Threads   one thread.
// Errors    into Diagnostics.
// Cost      one visit per node each; parsing the schema about a millisecond.
#pragma once

#include <string_view>

#include "config/diagnostics.h"
#include "config/node.h"

namespace config {

// The text of config/schema/v1.json.
extern const std::string_view kSchemaText;

void explain_schema(Diagnostics& diagnostics, const Node& root);
void judge_schema(Diagnostics& diagnostics, const Node& root);

}  // namespace config
