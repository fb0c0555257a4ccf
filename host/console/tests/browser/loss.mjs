// A call outlives what happens to a browser: its network goes and comes back, and its page is loaded anew.
//   node loss.mjs BASE_URL
// The server: as for typed.mjs.

import assert from "node:assert/strict";
import { BASE, story } from "./kit.mjs";
import { network } from "./network.mjs";
import { call, exchange, greeted, hangUp, inPhase, line, quiet, watchPage, wire } from "./telephone.mjs";

await story(async ({ browse }) => {
  const between = await network(BASE);
  // while the network is away the browser says so
  const page = await browse({ base: between.base, tolerate: [/net::ERR_|WebSocket connection to .* failed/] });
  const id = () => page.locator("[data-call-id]").getAttribute("data-call-id");
  const lines = wire(page);
  await call(page, between);
  await greeted(page);
  const whole = { ...lines[0] };
  const first = await id();
  await exchange(page, "My soup was cold today.");

  // the network goes without a word
  between.cut();
  await inPhase(page, "lost");
  between.mend();
  await line(page, "note", "The line is back.").waitFor();
  await quiet(page);
  assert.equal(await id(), first, "it is the same call");
  await exchange(page, "And the bread was hard.");

  // the page is loaded anew
  await page.reload();
  await page.getByRole("button", { name: "Return to the call" }).click();
  await inPhase(page, "listening", "speaking");
  await watchPage(page);
  assert.equal(await id(), first, "it is the same call, after the reload too");
  await line(page, "caller", "My soup was cold today.").waitFor();
  await quiet(page);
  await exchange(page, "It was in the canteen.");
  await hangUp(page);

  // a call that was hung up is not offered again
  await page.reload();
  await page.getByRole("heading", { name: "Call the agent" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Return to the call" }).count(), 0);

  // in the middle of its speech the agent goes on with what was cut off
  await call(page, between);
  const cut = lines.at(-1);
  await cut.until(({ heard }) => heard >= whole.heard / 3);
  await page.locator(".transcript li.agent").waitFor();
  const saying = await words(page.locator(".transcript li.agent"));
  between.cut();
  await inPhase(page, "lost");
  between.mend();
  await line(page, "note", "The line is back.").waitFor();
  await line(page, "agent", /\w/, "said").first().waitFor();
  await quiet(page);
  assert.deepEqual(await words(page.locator(".transcript li.agent")), saying, "it is said to its end, and nothing of it twice");
  const rest = lines.at(-1);
  assert.ok(rest.sound < whole.sound, `it is not begun anew: ${rest.sound} bytes of sound, all of it has ${whole.sound}`);
  assert.ok(cut.sound + rest.sound >= whole.sound, "nothing of it is left out");
  await hangUp(page);
  between.close();
});

/** The words of what the agent says or has said, in all its lines. */
async function words(lines) {
  const texts = await lines.locator("p").allInnerTexts();
  return texts.join(" ").replace("…", "").split(/\s+/).filter(Boolean);
}
