// Looks whether Markdown is written with care, by the rules of remark-lint.

import remarkParse from "remark-parse";
import consistent from "remark-preset-lint-consistent";
import recommended from "remark-preset-lint-recommended";
import { unified } from "unified";
import { VFile } from "vfile";

import { Failure, emit, list, plugin, readText, report } from "./stepwell.js";

const DOCUMENTATION = `Looks whether Markdown is written with care.

It goes by remark-lint's rules that are recommended, and by those for a document that is in keeping with itself. Folders whose
names begin with a dot are left out.`;

// Made once, when the plugin is built.
const processor = unified().use(remarkParse).use(consistent).use(recommended).freeze();

export const task = plugin(
  {
    name: "markdown-lint",
    version: "0.1.0",
    documentation: DOCUMENTATION,
    params: {
      endings: { description: "The endings of the files that are looked at.", default: ["md", "markdown"] },
      without: { description: "Rules that do not count, such as `final-newline`.", default: [] },
    },
    workspaces: {
      source: { description: "The folder that is looked at, with everything below it.", readOnly: true },
    },
    results: {
      checked: { description: "How many files were looked at." },
      warnings: { description: "How often a rule was not kept." },
    },
  },
  ({ params, workspaces }) => {
    const names = files(workspaces.source, "", params.endings);
    let warnings = 0;
    for (const [done, name] of names.entries()) {
      report(done, names.length, name);
      warnings += lint(workspaces.source, name, params.without);
    }
    emit("checked", String(names.length));
    emit("warnings", String(warnings));
    if (warnings > 0) {
      throw new Failure(`rules are not kept in ${warnings} places`);
    }
  },
);

// The files below a folder that have one of the endings, in the order of their paths.
function files(root, below, endings) {
  return list(`${root}/${below}`).flatMap(({ name, isFile, isFolder }) => {
    if (isFolder && !name.startsWith(".")) {
      return files(root, `${below}${name}/`, endings);
    }
    const isMeant = isFile && endings.some((ending) => name.endsWith(`.${ending}`));
    return isMeant ? [below + name] : [];
  });
}

// Prints what is to be said of a file, and counts it.
function lint(root, name, without) {
  const text = readText(`${root}/${name}`);
  if (text === null) {
    console.log(`${name}: is not UTF-8`);
    return 1;
  }
  const file = new VFile({ path: name, value: text });
  processor.runSync(processor.parse(file), file);
  const messages = file.messages.filter(({ ruleId }) => !without.includes(ruleId));
  messages.sort((one, other) => one.line - other.line || one.column - other.column);
  for (const { line, column, reason, ruleId } of messages) {
    console.log(`${name}:${line ?? 1}:${column ?? 1}: ${reason} (${ruleId})`);
  }
  return messages.length;
}
