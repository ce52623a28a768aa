// What a plugin in JavaScript is made with: its description in short, files, results and the log.
//
// The engine, QuickJS, is the bare language. It has no `console`, no `TextDecoder` and no files: they are here, over what
// `plugin.wit` imports. It is your copy; add what you need.

import progress from "stepwell:task/progress@0.1.0";
import results from "stepwell:task/results@0.1.0";
import stderr from "wasi:cli/stderr@0.2.12";
import stdout from "wasi:cli/stdout@0.2.12";
import preopens from "wasi:filesystem/preopens@0.2.12";

// So much is asked of the host at once: more than any stream has to take.
const PIECE = 4096;

const TYPES = ["string", "array", "object"];

// Why a run failed. The class is `failed` for work whose verdict is no, `malformed-input` for what makes no sense, or
// `transient` where another try may help.
export class Failure extends Error {
  constructor(message, failureClass = "failed") {
    super(message);
    this.failureClass = failureClass;
  }
}

// The plugin that `description` tells of, which does its work in `run`.
//
// The type of a param is that of its default: a string, an array, or an object. A param, or a result, of another type has
// a `type`. `run` gets the params, with their defaults, and the folders of the workspaces, each by name, and which try it is.
// It has done its work when it returns: it cannot be async.
export function plugin(description, run) {
  check(description, run);
  const params = Object.entries(description.params ?? {});
  const defaults = params.filter(([, param]) => param.default !== undefined);
  return {
    describe: () => ({
      name: description.name,
      version: description.version,
      documentation: description.documentation,
      params: params.map(([name, param]) => ({
        name,
        valueType: param.type ?? typeOf(param.default ?? ""),
        description: param.description ?? "",
        default: param.default === undefined ? null : value(param.default),
        properties: param.properties ?? [],
      })),
      workspaces: Object.entries(description.workspaces ?? {}).map(([name, workspace]) => ({
        name,
        description: workspace.description ?? "",
        readOnly: workspace.readOnly ?? false,
        optional: workspace.optional ?? false,
      })),
      results: Object.entries(description.results ?? {}).map(([name, result]) => ({
        name,
        valueType: result.type ?? "string",
        description: result.description ?? "",
        properties: result.properties ?? [],
      })),
      capabilities: description.capabilities ?? [],
    }),
    run(invocation) {
      const given = invocation.params.map(([name, { tag, val }]) => [
        name,
        tag === "object" ? Object.fromEntries(val) : val,
      ]);
      const meant = defaults.map(([name, param]) => [name, param.default]);
      try {
        const returned = run({
          params: Object.fromEntries([...meant, ...given]),
          workspaces: Object.fromEntries(invocation.workspaces),
          attempt: invocation.attempt,
        });
        if (typeof returned?.then === "function") {
          throw new Failure("the function of a plugin must not be async: nothing waits for it");
        }
      } catch (error) {
        if (error instanceof Failure) {
          throw { class: error.failureClass, message: error.message };
        }
        // A mistake of the plugin's: where it was made helps its author.
        console.error(`${error}\n${error?.stack ?? ""}`.trimEnd());
        throw { class: "failed", message: String(error) };
      }
    },
  };
}

// Hands a result to the host: a string, an array of strings, or an object of strings.
export function emit(name, result) {
  try {
    results.emit(name, value(result));
  } catch (error) {
    throw new Error(`the result \`${name}\` was not taken: ${JSON.stringify(error?.payload ?? error)}`);
  }
}

// Says that `done` of `total` are finished; `total` may be left out.
export function report(done, total = null, message = "") {
  progress.report(done, total, message);
}

// What is in a folder, sorted by name.
export function list(path) {
  const folder = open(path, { directory: true });
  const entries = folder.readDirectory();
  const found = [];
  for (let entry = entries.readDirectoryEntry(); entry; entry = entries.readDirectoryEntry()) {
    const { name, type } = entry;
    found.push({ name, isFile: type === "regular-file", isFolder: type === "directory" });
  }
  entries[Symbol.dispose]();
  folder[Symbol.dispose]();
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

// The bytes of a file.
export function readBytes(path) {
  const file = open(path, {});
  const pieces = [];
  let size = 0;
  for (let ended = false; !ended; ) {
    const [bytes, end] = file.read(1 << 20, size);
    pieces.push(bytes);
    size += bytes.length;
    ended = end || bytes.length === 0;
  }
  file[Symbol.dispose]();
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

// The text of a file; null where it is not in UTF-8.
export function readText(path) {
  return decode(readBytes(path));
}

// Makes a file of a text, in place of one that is there.
export function writeText(path, text) {
  const file = open(path, { create: true, truncate: true }, { write: true });
  const bytes = encode(text);
  for (let at = 0; at < bytes.length; ) {
    at += Number(file.write(bytes.subarray(at), at));
  }
  file[Symbol.dispose]();
}

// The text that bytes in UTF-8 are; null where they are not.
export function decode(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
    if (more < 0 || at + more >= bytes.length) {
      return null;
    }
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let next = 1; next <= more; next += 1) {
      const byte = bytes[at + next];
      if ((byte & 0xc0) !== 0x80) {
        return null;
      }
      point = (point << 6) | (byte & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      return null;
    }
    text += String.fromCodePoint(point);
    at += more + 1;
  }
  return text;
}

// The bytes of a text in UTF-8.
export function encode(text) {
  const bytes = [];
  for (const letter of text.toWellFormed()) {
    const point = letter.codePointAt(0);
    if (point < 0x80) {
      bytes.push(point);
    } else if (point < 0x800) {
      bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    } else {
      bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f));
      bytes.push(0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return Uint8Array.from(bytes);
}

// What `console` writes, to the streams that become the step's log.
function say(channel, parts) {
  const shown = parts.map((part) => (typeof part === "object" ? JSON.stringify(part) : String(part)));
  const bytes = encode(`${shown.join(" ")}\n`);
  for (let at = 0; at < bytes.length; at += PIECE) {
    channel.blockingWriteAndFlush(bytes.subarray(at, at + PIECE));
  }
}

const log = (...parts) => say(stdout.getStdout(), parts);
const warn = (...parts) => say(stderr.getStderr(), parts);
globalThis.console = { debug: log, error: warn, info: log, log, warn };

// The file or folder of an absolute path.
function open(path, openFlags, descriptorFlags = { read: true }) {
  let nearest = null;
  let below = "";
  for (const [descriptor, root] of preopens.getDirectories()) {
    const inside = path === root || root === "/" || path.startsWith(`${root}/`);
    if (inside && (nearest === null || root.length > nearest.root.length)) {
      nearest = { descriptor, root };
      below = path.slice(root.length).replace(/^\/+/, "") || ".";
    }
  }
  if (nearest === null) {
    throw new Error(`${path}: is not in a workspace`);
  }
  try {
    return nearest.descriptor.openAt({ symlinkFollow: true }, below, openFlags, descriptorFlags);
  } catch (error) {
    throw new Error(`${path}: ${error?.payload ?? error}`);
  }
}

// Throws where a description cannot mean what it says.
function check(description, run) {
  const isObject = (given) => typeof given === "object" && given !== null && !Array.isArray(given);
  const isText = (given) => typeof given === "string";
  const need = (holds, message) => {
    if (!holds) {
      throw new Error(message);
    }
  };
  need(isObject(description), "a plugin is described by an object");
  for (const field of ["name", "version", "documentation"]) {
    need(isText(description[field]), `the \`${field}\` of a plugin has to be there, and is a string`);
  }
  need(typeof run === "function", "what a plugin does is a function: the second argument of `plugin`");
  for (const kind of ["params", "workspaces", "results"]) {
    need(isObject(description[kind] ?? {}), `\`${kind}\` is an object: what is declared, by name`);
    for (const [name, declared] of Object.entries(description[kind] ?? {})) {
      const what = `\`${name}\` of \`${kind}\``;
      need(isObject(declared), `${what} is declared by an object`);
      need(isText(declared.description ?? ""), `the \`description\` of ${what} is a string`);
      const type = declared.type ?? "string";
      need(TYPES.includes(type), `${what} has the type \`${type}\`: types are ${TYPES.join(", ")}`);
      const given = declared.default;
      if (kind !== "params" || given === undefined) {
        continue;
      }
      const inner = isText(given) ? [] : Array.isArray(given) ? given : isObject(given) ? Object.values(given) : [null];
      need(
        inner.every(isText),
        `the default of ${what} is ${JSON.stringify(given)}: defaults are strings, arrays of strings or objects of strings`,
      );
      const own = typeOf(given);
      need(own === (declared.type ?? own), `the default of ${what} is of type ${own}, and its type is ${type}`);
    }
  }
}

function typeOf(given) {
  return typeof given === "string" ? "string" : Array.isArray(given) ? "array" : "object";
}

// A value as the contract has it.
function value(given) {
  const tag = typeOf(given);
  return { tag, val: tag === "object" ? Object.entries(given) : given };
}
