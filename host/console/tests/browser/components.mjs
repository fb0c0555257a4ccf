// A component is exchanged in the page: uploaded, on trial, in use, rolled back.
//   node components.mjs BASE_URL WASM
// WASM: a build of a component that the server uses, with another hash than the one that is in use.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { manifestOf } from "../../page/components/wasm.js";
import { ARGUMENTS, BASE, story } from "./kit.mjs";

const [WASM] = ARGUMENTS;

await story(async ({ browse }) => {
  const bytes = readFileSync(WASM);
  const { id } = manifestOf(bytes);
  // a refusal is told by the browser too
  const page = await browse({ tolerate: [/status of 422/] });
  await page.goto(`${BASE}/console#/components`);
  const card = page.getByRole("article", { name: id, exact: true });
  const panel = page.getByRole("region", { name: /^Load / });
  const build = (title) => card.getByRole("group", { name: title });
  const generation = async (title) => {
    const words = await build(title).getByText(/^Generation \d+/).innerText();
    return { number: Number(/\d+/.exec(words)[0]), hash: words.split(" ").at(-1) };
  };
  const choose = async (button, file) => {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), button.click()]);
    await chooser.setFiles(file);
  };
  const before = await generation("Current");

  // what is no component is not even sent
  const note = { name: "note.wasm", mimeType: "", buffer: Buffer.from("a note") };
  await choose(card.getByRole("button", { name: `Swap ${id}` }), note);
  await panel.getByRole("alert").getByText("It is not a WebAssembly file. Nothing has been sent.").waitFor();

  // what cannot be used is refused by the server, in its words, and changes nothing
  const broken = { name: "broken.wasm", mimeType: "application/wasm", buffer: renamed(bytes, id) };
  await choose(panel.getByRole("button", { name: "Choose another file" }), broken);
  await panel.getByText("is not plugged in yet: it is added.").waitFor();
  await panel.getByRole("button", { name: /^Load it/ }).click();
  await panel.getByRole("alert").getByText("Nothing has changed.").waitFor();
  assert.deepEqual(await generation("Current"), before, "the refused one is not in use");

  // a share of the calls tries it: the file is dropped onto the card
  await drop(card, basename(WASM), bytes);
  await panel.getByLabel("A share of the calls, as a trial").check();
  await panel.getByLabel("Share in percent").fill("0");
  await panel.getByRole("button", { name: /^Load it/ }).click();
  await panel.getByRole("alert").getByText("from 1 to 99").waitFor();
  await panel.getByLabel("Share in percent").fill("10");
  const stages = await stagesOf(page);
  await panel.getByRole("button", { name: /^Load it/ }).click();
  await panel.getByText(/is plugged in for 10 % of the calls, as generation/).waitFor();
  assert.deepEqual(await stages(), ["Sent", "On trial"], "first it is sent, then tried");
  await build(/^On trial for 10 %/).waitFor();
  assert.deepEqual(await generation("Current"), before, "the others keep what they had");

  // promoted, it is everybody's
  await card.getByRole("button", { name: `Promote ${id}` }).click();
  await card.getByText("is plugged in for all calls").waitFor();
  await build(/^On trial/).waitFor({ state: "detached" });
  const after = await generation("Current");
  assert.notEqual(after.hash, before.hash);
  assert.ok(after.number > before.number, "a build has a number of its own");
  assert.equal((await generation("Before")).hash, before.hash);

  // the same file once more changes nothing
  await drop(card, basename(WASM), bytes);
  await panel.getByRole("button", { name: /^Load it/ }).click();
  await panel.getByText("is in use already.").waitFor();
  await panel.getByRole("button", { name: "Close" }).click();

  // an operator who thinks better of it changes nothing either
  const back = card.getByRole("button", { name: `Roll back ${id}` });
  page.once("dialog", (dialog) => dialog.dismiss());
  await back.click();
  assert.equal((await generation("Current")).hash, after.hash);
  page.once("dialog", (dialog) => dialog.accept());
  await back.click();
  await card.getByText("is what all new calls get again").waitFor();
  await build("Current").getByText(before.hash).waitFor();
});

/** Drops a file onto an element. */
async function drop(target, name, bytes) {
  const dataTransfer = await target.page().evaluateHandle(
    ([name, base64]) => {
      const data = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([data], name, { type: "application/wasm" }));
      return transfer;
    },
    [name, bytes.toString("base64")],
  );
  await target.dispatchEvent("dragover", { dataTransfer });
  await target.dispatchEvent("drop", { dataTransfer });
}

/** The names of the progress bars that appear from now on, each once. */
async function stagesOf(page) {
  await page.evaluate(() => {
    window.stages = [];
    const look = () => {
      const name = document.querySelector("progress")?.getAttribute("aria-label");
      if (name && window.stages.at(-1) !== name) window.stages.push(name);
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
  return () => page.evaluate(() => window.stages);
}

/** The same component under an id that is not plugged in, and whose contract no host serves. */
function renamed(bytes, id) {
  const other = id.replace(/^./, (letter) => (letter === "x" ? "y" : "x"));
  const text = bytes.toString("latin1").replaceAll(`id = "${id}"`, `id = "${other}"`);
  return Buffer.from(text.replaceAll('contract = "0.1', 'contract = "9.9'), "latin1");
}
