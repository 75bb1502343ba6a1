"""faults.py FILE [REF]: everything that a JSON Schema in FILE has against the JSON on standard input, a line each."""

import json
import sys

from jsonschema import validators

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
if len(sys.argv) > 2:
    # the part of the schema that is meant
    schema = {"definitions": schema["definitions"], "$ref": sys.argv[2]}
validator = validators.validator_for(schema)(schema)
for fault in validator.iter_errors(json.load(sys.stdin)):
    print(f"{fault.json_path}: {fault.message}".replace("\n", " "))
