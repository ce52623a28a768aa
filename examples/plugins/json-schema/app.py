"""Looks whether JSON files are as a JSON Schema has it."""

# What is imported when the plugin is built is all that there is when it runs: fastjsonschema asks for this one by its name.
import encodings.unicode_escape
import json
from pathlib import Path

import fastjsonschema
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import progress, results
from wit_world.imports.types import (
    Description,
    Failure,
    FailureClass,
    ParamDecl,
    ParamType,
    ParamValue_Array,
    ParamValue_String,
    ResultDecl,
    WorkspaceDecl,
)

SCHEMA = "schema.json"
FILES = ["**/*.json"]

DOCUMENTATION = """\
Looks whether JSON files are as a JSON Schema has it.

The schema is a file of the workspace, of draft 04, 06 or 07. What it refers to has to be in it: nothing is fetched. Of each
file, the first thing that is wrong is told, with where in the file it is.
"""


class Task(exports.Task):
    """What `plugin.wit` exports."""

    def describe(self):
        return Description(
            name="json-schema",
            version="0.1.0",
            documentation=DOCUMENTATION,
            params=[
                ParamDecl(
                    name="schema",
                    value_type=ParamType.STRING,
                    description="The schema's path in the workspace.",
                    default=ParamValue_String(SCHEMA),
                    properties=[],
                ),
                ParamDecl(
                    name="files",
                    value_type=ParamType.ARRAY,
                    description="Patterns of the files that are looked at. The schema itself never is.",
                    default=ParamValue_Array(FILES),
                    properties=[],
                ),
            ],
            workspaces=[
                WorkspaceDecl(
                    name="source",
                    description="The folder with the schema and the files.",
                    read_only=True,
                    optional=False,
                )
            ],
            results=[
                ResultDecl("checked", ParamType.STRING, "How many files were looked at.", []),
                ResultDecl("wrong", ParamType.ARRAY, "Those that are not as the schema has it.", []),
            ],
            capabilities=[],
        )

    def run(self, invocation):
        params = {name: given.value for name, given in invocation.params}
        source = Path(dict(invocation.workspaces)["source"])
        schema = source / params.get("schema", SCHEMA)
        is_valid = validator(schema, schema.relative_to(source))
        found = {path for pattern in params.get("files", FILES) for path in source.glob(pattern)}
        files = sorted(path for path in found if path.is_file() and path != schema)
        wrong = []
        for done, path in enumerate(files):
            name = str(path.relative_to(source))
            progress.report(done, len(files), name)
            why = problem(path, is_valid)
            if why is not None:
                print(f"{name}: {why}")
                wrong.append(name)
        results.emit("checked", ParamValue_String(str(len(files))))
        results.emit("wrong", ParamValue_Array(wrong))
        if wrong:
            message = f"{len(wrong)} of {len(files)} files are not as the schema has it"
            raise Err(Failure(FailureClass.FAILED, message))


def validator(path, name):
    """What checks a value against the schema in the file `path`."""
    try:
        return fastjsonschema.compile(read(path), handlers={"http": refused, "https": refused, "file": refused})
    except (OSError, ValueError, fastjsonschema.JsonSchemaDefinitionException) as error:
        raise Err(Failure(FailureClass.MALFORMED_INPUT, f"the schema `{name}`: {error}")) from None


def refused(reference):
    """Stands for what a schema refers to outside of itself."""
    raise fastjsonschema.JsonSchemaDefinitionException(f"`{reference}` is not in it")


def problem(path, is_valid):
    """The first thing that is wrong with a file."""
    try:
        is_valid(read(path))
    except fastjsonschema.JsonSchemaValueException as error:
        return error.message
    except (OSError, ValueError) as error:
        return str(error)
    return None


def read(path):
    """The value in a file."""
    return json.loads(path.read_text(encoding="utf-8"))
