#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the schema as a C++ constant: embed_schema.py v1.json schema_text.cc"""
import json
import sys

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = file.read()
json.loads(text)  # a schema that is not JSON stops the build, not the first start
with open(target, "w", encoding="utf-8") as file:
    file.write('// Made from config/schema/v1.json.\n#include "config/schema.h"\n\nnamespace config {\n')
    file.write(f'const std::string_view kSchemaText = R"schema({text})schema";\n')
    file.write("}  // namespace config\n")
