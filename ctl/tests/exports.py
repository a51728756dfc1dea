"""Holds an export against the public schema of its format: exports.py FORMAT FILE. Ends with 77 where the validator is not
installed, with 1 and what is wrong where the file is not valid. It reads files and nothing else."""

import json
import sys

MISSING = 77


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    return [str(fault)] if fault else []


def stix(path):
    from stix2validator import ValidationOptions, validate_file

    results = validate_file(path, ValidationOptions(version="2.1")).object_results
    if not results:
        return ["the bundle holds nothing"]
    return [str(error) for result in results for error in result.errors]


def ocsf(path):
    from jsonschema import Draft202012Validator
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.5.0"))
    validators, faults, lines = {}, [], 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            uid, profiles = event["class_uid"], event["metadata"].get("profiles", [])
            key = (uid, *profiles)
            if key not in validators:
                name = schemas.lookup_class_name_from_uid(uid)
                schema = schemas.get_class_schema(name, list(profiles))
                validators[key] = Draft202012Validator(schema)
            found = validators[key].iter_errors(event)
            faults += [f"{uid} {error.json_path}: {error.message}" for error in found]
            lines += 1
    return faults if lines else ["there is no event"]


def main():
    name, path = sys.argv[1:]
    try:
        faults = {"cyclonedx": cyclonedx, "stix": stix, "ocsf": ocsf}[name](path)
    except ImportError as error:
        print(error)
        return MISSING
    print("\n".join(faults[:10]))
    return 1 if faults else 0


sys.exit(main())
