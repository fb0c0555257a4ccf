// Every view, in light and dark, wide and narrow: nothing sticks out of the page, axe finds nothing serious, and a
// screenshot is kept of each where CORDBOARD_SCREENSHOTS names a folder.
//   node views.mjs BASE_URL
// The server: with a voice, without a recogniser. The story makes a call of its own, which is also what is looked
// back at.

import { BASE, story } from "./kit.mjs";
import { examine } from "./looks.mjs";
import { call, exchange, greeted, hangUp } from "./telephone.mjs";

await story(async ({ browse }) => {
  const caller = await browse();
  await caller.goto(`${BASE}/console`);
  await caller.getByRole("button", { name: "Call", exact: true }).waitFor();
  await examine(caller, "call-before");
  await call(caller);
  await greeted(caller);
  await exchange(caller, "My soup was cold today.");
  await examine(caller, "call-during");
  const id = await caller.locator("[data-call-id]").getAttribute("data-call-id");

  const page = await browse();
  const open = async (place, ready) => {
    await page.goto(`${BASE}/console#/${place}`);
    await ready.first().waitFor();
  };
  await open("watch", page.getByRole("table").getByRole("link"));
  await examine(page, "live-calls");
  await open(`watch/${encodeURIComponent(id)}`, page.getByText("My soup was cold today."));
  await examine(page, "live-call");
  await open("components", page.getByRole("article", { name: "guest-relations" }));
  for (const summary of await page.locator("summary").all()) await summary.click();
  await examine(page, "components");
  await open("figures", page.locator("canvas"));
  await examine(page, "figures");

  await hangUp(caller);
  await examine(caller, "call-over");

  await open("past", page.locator('a[href^="#/past/"]'));
  await examine(page, "conversations");
  // it is kept soon, and not at once; the view asks again itself
  await open(`past/${encodeURIComponent(id)}`, page.getByText("My soup was cold today."));
  await examine(page, "conversation");
  await page.getByRole("button", { name: "Key" }).click();
  await page.getByRole("dialog", { name: "Key" }).waitFor();
  await examine(page, "key");
});
