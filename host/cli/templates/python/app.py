"""Finds lines that hold a marker such as FIXME."""

from pathlib import Path

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import results
from wit_world.imports.types import (
    Description,
    Failure,
    FailureClass,
    ParamDecl,
    ParamType,
    ParamValue_String,
    ResultDecl,
    WorkspaceDecl,
)

MARKER = "FIXME"


class Task(exports.Task):
    """What `plugin.wit` exports."""

    def describe(self):
        return Description(
            name="{{name}}",
            version="0.1.0",
            documentation="Finds lines that hold a marker.\n\n"
            "It looks into the files of one folder, and fails where there is one.",
            params=[
                ParamDecl(
                    name="marker",
                    value_type=ParamType.STRING,
                    description="The text to look for.",
                    default=ParamValue_String(MARKER),
                    properties=[],
                )
            ],
            workspaces=[
                WorkspaceDecl(
                    name="source",
                    description="The folder whose files are looked into.",
                    read_only=True,
                    optional=False,
                )
            ],
            results=[
                ResultDecl(
                    name="count",
                    value_type=ParamType.STRING,
                    description="How many lines have the marker.",
                    properties=[],
                )
            ],
            capabilities=[],
        )

    def run(self, invocation):
        params = {name: given.value for name, given in invocation.params}
        folders = dict(invocation.workspaces)
        marker = params.get("marker", MARKER)
        count = find(Path(folders["source"]), marker)
        results.emit("count", ParamValue_String(str(count)))
        if count > 0:
            raise Err(Failure(FailureClass.FAILED, f"lines with `{marker}`: {count}"))


def find(folder, marker):
    """Prints the lines of the files in `folder` that hold `marker`, and counts them."""
    count = 0
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            # What is no text has no lines.
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if marker in line:
                print(f"{path.name}:{number}: {line.strip()}")
                count += 1
    return count
