// What a key may not do is not offered: nothing without one, only looking with one that reads, all with the whole one.
//   node roles.mjs BASE_URL READ_KEY ALL_KEY
// The server: with CORDBOARD_API_KEY, CORDBOARD_API_KEY_READ and TWILIO_AUTH_TOKEN (without that, this machine needs
// no key), a voice and no recogniser.

import assert from "node:assert/strict";
import { ARGUMENTS, BASE, story } from "./kit.mjs";
import { enterKey, UNAUTHORIZED } from "./keys.mjs";
import { call, greeted, inPhase } from "./telephone.mjs";

const [READ_KEY, ALL_KEY] = ARGUMENTS;

await story(async ({ browse }) => {
  const operator = await browse({ tolerate: [UNAUTHORIZED] });
  await operator.goto(`${BASE}/console#/call`);

  // without a key there is nothing but the way to enter one
  await operator.getByRole("alert").getByRole("button", { name: "Enter a key" }).click();
  await operator.getByRole("dialog", { name: "Key" }).waitFor();
  await operator.keyboard.press("Escape");
  assert.equal(await button(operator, "Call").count(), 0);

  // a wrong one is asked for again
  await enterKey(operator, "no such key, of any role");
  await operator.getByRole("alert").getByRole("button", { name: "Enter a key" }).waitFor();

  // the whole key places a call
  await enterKey(operator, ALL_KEY);
  await button(operator, "Call").waitFor();
  await call(operator);
  await greeted(operator);
  const id = await operator.locator("[data-call-id]").getAttribute("data-call-id");

  // one that reads sees the call, and cannot do anything about it
  const reader = await browse({ tolerate: [UNAUTHORIZED] });
  await reader.goto(`${BASE}/console#/call`);
  await enterKey(reader, READ_KEY);
  await reader.getByText("it has not the role “call”").waitFor();
  assert.equal(await button(reader, "Call").count(), 0);
  await visit(reader, "Live calls");
  await reader.locator(`a[href="#/watch/${id}"]`).click();
  await reader.getByText("it has not the role “control”").waitFor();
  assert.equal(await button(reader, "Interrupt the agent").count(), 0);
  assert.equal(await button(reader, "Hang up").count(), 0);
  await visit(reader, "Components");
  await reader.getByText("needs a key with the role “components”").waitFor();
  await reader.getByRole("article", { name: "guest-relations" }).waitFor();
  assert.equal(await reader.getByRole("button", { name: /Load|Swap|Promote|Roll back/ }).count(), 0);
  await visit(reader, "Conversations");
  await reader.locator('a[href^="#/past/"]').first().click();
  await reader.getByRole("heading", { name: /^Conversation of/ }).waitFor();
  assert.equal(await reader.getByRole("button", { name: /Delete|Forget/ }).count(), 0);

  // the whole key is offered all of it, also in place of the other one
  await enterKey(reader, ALL_KEY);
  await visit(reader, "Components");
  await reader.getByRole("button", { name: "Load a component" }).waitFor();
  await reader.getByRole("button", { name: "Swap guest-relations" }).waitFor();
  await visit(reader, "Live calls");
  await reader.locator(`a[href="#/watch/${id}"]`).click();
  reader.once("dialog", (dialog) => dialog.accept());
  await button(reader, "Interrupt the agent").waitFor();
  await button(reader, "Hang up").click();

  // the caller's page learns of it
  await inPhase(operator, "over");
  await operator.getByText("An operator ended the call.").waitFor();

  // a key that is forgotten opens nothing
  await reader.getByRole("banner").getByRole("button", { name: "Key" }).click();
  await reader.getByRole("button", { name: "Forget it" }).click();
  await reader.getByRole("alert").getByRole("button", { name: "Enter a key" }).waitFor();
});

function button(page, name) {
  return page.getByRole("button", { name, exact: true });
}

/** Opens a view by its link. */
async function visit(page, name) {
  const views = page.getByRole("navigation", { name: "Views" });
  await views.getByRole("link", { name }).click();
}
