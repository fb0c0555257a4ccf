// Which component a file is, out of files that are made here byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { customSections, manifestOf, SECTION } from "../../page/components/wasm.js";

const COMPONENT = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const MODULE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

const text = (value) => [...new TextEncoder().encode(value)];

function leb128(value) {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...leb128(value >> 7)];
}

function section(id, contents) {
  return [id, ...leb128(contents.length), ...contents];
}

function custom(name, contents) {
  return section(0, [...leb128(name.length), ...text(name), ...text(contents)]);
}

const file = (...parts) => Uint8Array.from(parts.flat());
const manifest = (toml) => file(COMPONENT, custom(SECTION, toml));

test("a component says which one it is", () => {
  const toml = 'id = "desk"\nversion = "1.2.0"\nkind = "persona"\ncontract = "0.1"\nabout = "Takes the calls"\n';
  const found = manifestOf(manifest(toml));
  assert.deepEqual(found, { id: "desk", version: "1.2.0", kind: "persona", about: "Takes the calls" });
});

test("the manifest is found behind other sections, of which one is long", () => {
  const wasm = file(
    COMPONENT,
    custom("producers", "x".repeat(300)),
    section(7, [1, 2, 3]),
    section(1, MODULE),
    custom(SECTION, 'id = "parrot"'),
  );
  assert.equal(manifestOf(wasm).id, "parrot");
});

test("the manifest may be in a component within, and in a module within that", () => {
  const module = [...MODULE, ...section(1, [0]), ...custom(SECTION, 'id = "inner"')];
  const inner = [...COMPONENT, ...section(1, module)];
  assert.equal(manifestOf(file(COMPONENT, section(4, inner), custom("name", "outer"))).id, "inner");
});

test("of two manifests the first one counts, as with the server", () => {
  assert.equal(manifestOf(file(COMPONENT, custom(SECTION, 'id = "first"'), custom(SECTION, 'id = "second"'))).id, "first");
});

test("a module's own sections hold no others", () => {
  // a type section of a module that looks like a component with a manifest
  const decoy = section(1, [...COMPONENT, ...custom(SECTION, 'id = "decoy"')]);
  const wasm = file(COMPONENT, section(1, [...MODULE, ...decoy]), custom(SECTION, 'id = "real"'));
  assert.equal(manifestOf(wasm).id, "real");
});

test("a file within a larger buffer is read from where it begins", () => {
  const whole = file([1, 2, 3], COMPONENT, custom(SECTION, 'id = "desk"'));
  assert.equal(manifestOf(whole.subarray(3)).id, "desk");
});

test("components within components, as deep as a file can hold, are walked", () => {
  let wasm = [...COMPONENT, ...custom(SECTION, 'id = "deep"')];
  for (let depth = 0; depth < 500; depth += 1) wasm = [...COMPONENT, ...section(4, wasm)];
  assert.equal(manifestOf(file(wasm)).id, "deep");
});

test("all custom sections are told with their names", () => {
  const wasm = file(COMPONENT, custom("one", "1"), custom("two", ""));
  assert.deepEqual([...customSections(wasm)].map(({ name, data }) => [name, data.length]), [["one", 1], ["two", 0]]);
});

test("what stands in a table of the manifest is not the component's", () => {
  assert.equal(manifestOf(manifest('id = "desk"\n[settings.id]\nid = "other"')).id, "desk");
  assert.throws(() => manifestOf(manifest('[settings.x]\nid = "other"')), /names no id/);
});

test("TOML's texts are read in all their ways", () => {
  const toml = "# a comment\nabout = \"\"\"\nid = \"no\"\nsays \\\"hello\\\"\"\"\"\n\"id\" = 'desk' # it\nversion = \"\\u0031.0\"";
  const found = manifestOf(manifest(toml));
  assert.deepEqual(found, { id: "desk", version: "1.0", kind: "", about: 'id = "no"\nsays "hello"' });
});

test("what is no component is refused in words", () => {
  assert.throws(() => manifestOf(file(text("hello, I am a text"))), /not a WebAssembly file/);
  assert.throws(() => manifestOf(file([])), /not a WebAssembly file/);
  assert.throws(() => manifestOf(file(MODULE)), /core module and not a component/);
  assert.throws(() => manifestOf(file(COMPONENT)), /holds no manifest/);
  assert.throws(() => manifestOf(manifest("version = 1")), /names no id/);
});

test("a file that is cut off is told apart, wherever it was cut", () => {
  const whole = file(COMPONENT, section(1, MODULE), custom(SECTION, 'id = "desk"'));
  for (let length = COMPONENT.length + 1; length < whole.length; length += 1) {
    // after a whole section it looks like a shorter file
    const between = length === COMPONENT.length + 2 + MODULE.length;
    const wanted = between ? /holds no manifest/ : /file is not whole|not a WebAssembly file/;
    assert.throws(() => manifestOf(whole.subarray(0, length)), wanted, `cut after ${length} bytes`);
  }
});

test("a length that never ends is refused", () => {
  assert.throws(() => manifestOf(file(COMPONENT, [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), /a length in it is none/);
});

test("bytes by chance are refused or read, and never walked for ever", () => {
  // a small generator of its own, so that a failure comes again
  let seed = 7;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) >> 16;
  for (let round = 0; round < 2000; round += 1) {
    const noise = Array.from({ length: next() % 60 }, () => next() & 0xff);
    const wasm = file(COMPONENT, noise);
    try {
      [...customSections(wasm)];
    } catch (error) {
      assert.match(error.message, /WebAssembly|not whole|core module/);
    }
  }
});
