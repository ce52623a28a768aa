// Finds lines that hold a marker such as FIXME.

import { Failure, emit, list, plugin, readText } from "./stepwell.js";

const MARKER = "FIXME";

export const task = plugin(
  {
    name: "{{name}}",
    version: "0.1.0",
    documentation:
      "Finds lines that hold a marker.\n\nIt looks into the files of one folder, and fails where there is one.",
    params: { marker: { description: "The text to look for.", default: MARKER } },
    workspaces: { source: { description: "The folder whose files are looked into.", readOnly: true } },
    results: { count: { description: "How many lines have the marker." } },
  },
  ({ params, workspaces }) => {
    const count = find(workspaces.source, params.marker);
    emit("count", String(count));
    if (count > 0) {
      throw new Failure(`lines with \`${params.marker}\`: ${count}`);
    }
  },
);

// Prints the lines of the files in `folder` that hold `marker`, and counts them.
function find(folder, marker) {
  let count = 0;
  for (const { name, isFile } of list(folder)) {
    const text = isFile ? readText(`${folder}/${name}`) : null;
    // What is no text has no lines.
    for (const [index, line] of (text ?? "").split("\n").entries()) {
      if (line.includes(marker)) {
        console.log(`${name}:${index + 1}: ${line.trim()}`);
        count += 1;
      }
    }
  }
  return count;
}
