// What a component says about itself, read out of its file: the manifest that travels in a custom section, as
// TOML. The server reads and judges the whole of it; here it only has to tell which component this is.

/** The custom section that holds the manifest. */
export const SECTION = "cordboard:manifest";

// "\0asm", then the version; the layer in its upper half tells a component from a core module
const MAGIC = 0x6d736100;
const PREAMBLE = 8;

// the sections of a component that hold something that has sections itself
const CUSTOM = 0;
const CORE_MODULE = 1;
const COMPONENT = 4;

/**
 * Which component the bytes of a `.wasm` file are: `{id, version, kind, about}`; all but `id` are "" where the
 * manifest does not say. Throws an Error with a sentence for the user where they are none.
 */
export function manifestOf(bytes) {
  for (const { name, data } of customSections(bytes)) {
    if (name !== SECTION) continue;
    const { id, version = "", kind = "", about = "" } = topLevelTexts(new TextDecoder().decode(data));
    if (!id) throw new Error("Its manifest names no id.");
    return { id, version, kind, about };
  }
  throw new Error(
    "It holds no manifest. Build it with the SDK, which puts plugin.toml or persona.toml into it.",
  );
}

/** The custom sections of a component, at any depth, in the order of the file: `{name, data: Uint8Array}`. */
export function* customSections(bytes) {
  const from = new Cursor(bytes);
  if (from.preamble() !== "component") {
    throw new Error("It is a core module and not a component. Build it for wasm32-wasip2.");
  }
  // where each of the modules and components ends that we are in; only a component's sections hold others
  const around = [{ end: bytes.length, holds: true }];
  while (around.length) {
    const { end, holds } = around.at(-1);
    if (from.at >= end) {
      around.pop();
      continue;
    }
    const section = from.byte();
    const length = from.length();
    const sectionEnd = from.at + length;
    if (sectionEnd > end) throw cutOff();
    if (holds && (section === CORE_MODULE || section === COMPONENT)) {
      around.push({ end: sectionEnd, holds: from.preamble() === "component" });
      continue;
    }
    if (section === CUSTOM) yield from.custom(sectionEnd);
    from.at = sectionEnd;
  }
}

function cutOff() {
  return new Error("It ends in the middle: the file is not whole.");
}

/** A place in the bytes, from which numbers and names are read. */
class Cursor {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) throw cutOff();
    return this.bytes[this.at++];
  }

  /** LEB128: seven bits a byte, the lowest first. */
  length() {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error("It is not a WebAssembly file: a length in it is none.");
  }

  preamble() {
    const there = this.at + PREAMBLE <= this.bytes.length;
    if (!there || this.view.getUint32(this.at, true) !== MAGIC) {
      throw new Error("It is not a WebAssembly file.");
    }
    const layer = this.view.getUint16(this.at + 6, true);
    this.at += PREAMBLE;
    return layer === 1 ? "component" : "module";
  }

  custom(end) {
    const nameEnd = this.length() + this.at;
    if (nameEnd > end) throw cutOff();
    const name = new TextDecoder().decode(this.bytes.subarray(this.at, nameEnd));
    return { name, data: this.bytes.subarray(nameEnd, end) };
  }
}

const ENTRY = /^\s*"?([\w-]+)"?\s*=\s*(.*)$/;
const BASIC = /^"((?:[^"\\]|\\.)*)"/;
const LITERAL = /^'([^']*)'/;
const LONG = /^("""|''')/;

/** The texts of a TOML document that stand before its first table, by their keys. */
function topLevelTexts(toml) {
  const found = {};
  const lines = toml.split(/\r?\n/);
  while (lines.length) {
    const line = lines.shift();
    if (/^\s*\[/.test(line)) break;
    const [, key, value] = ENTRY.exec(line) ?? [];
    if (key === undefined) continue;
    const long = LONG.exec(value)?.[1];
    const text = long ? longText(value.slice(3), long, lines) : oneLine(value);
    if (text !== undefined) found[key] ??= text;
  }
  return found;
}

function oneLine(value) {
  const literal = LITERAL.exec(value);
  if (literal) return literal[1];
  const basic = BASIC.exec(value);
  return basic ? unescaped(basic[1]) : undefined;
}

// takes from the lines that follow what belongs to the text
function longText(first, quotes, following) {
  const parts = [];
  // a quotation mark that is escaped ends nothing
  const plain = (line) => (quotes === '"""' ? line.replace(/\\./g, "--") : line);
  for (let line = first; line !== undefined; line = following.shift()) {
    const end = plain(line).indexOf(quotes);
    parts.push(end < 0 ? line : line.slice(0, end));
    if (end >= 0) break;
  }
  // a line break right after the quotes is not part of it
  const text = parts.join("\n").replace(/^\n/, "");
  return quotes === '"""' ? unescaped(text) : text;
}

const ESCAPES = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r" };

function unescaped(text) {
  return text.replace(/\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/g, (_, four, eight, letter) => {
    if (letter !== undefined) return ESCAPES[letter] ?? letter;
    const point = Number.parseInt(four ?? eight, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  });
}
