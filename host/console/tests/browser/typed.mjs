// Somebody without a key, a microphone's worth of sound or a telephone has a conversation by typing, and hears it.
//   node typed.mjs BASE_URL
// The server: without a recogniser, with a voice (as it is without any keys).

import assert from "node:assert/strict";
import { BASE, story } from "./kit.mjs";
import { call, exchange, greeted, hangUp, line, type, wire } from "./telephone.mjs";

await story(async ({ browse }) => {
  const page = await browse();
  // the printed address leads there
  await page.goto(`${BASE}/console`);
  await page.getByRole("heading", { name: "Call the agent" }).waitFor();
  await call(page);
  await page.getByText("Nobody recognises speech here").waitFor();
  await greeted(page);
  await exchange(page, "My soup was cold today.");
  await hangUp(page);
  await page.getByRole("button", { name: "Call again" }).click();
  const lines = wire(page);
  await page.getByRole("button", { name: "Call", exact: true }).click();

  // a line that is typed while the agent speaks cuts in, and the answer is read while it is spoken
  const GREETING = /Thank you for calling/;
  await page.locator(".transcript li.agent.now").filter({ hasText: GREETING }).waitFor();
  await lines[0].until(({ heard }) => heard > 0);
  await type(page, "The coffee was wonderful.");
  const answer = page.locator(".transcript li.agent").filter({ hasNotText: GREETING }).first();
  await answer.waitFor();
  assert.equal(await answer.getAttribute("class"), "agent now");
  await line(page, "agent", GREETING).waitFor();
  await hangUp(page);
});
