// Somebody without a key, a microphone's worth of sound or a telephone has a conversation by typing, and hears it.
//   node typed.mjs BASE_URL
// The server: without a recogniser, with a voice (as it is without any keys).

import { BASE, story } from "./kit.mjs";
import { call, exchange, greeted, hangUp } from "./telephone.mjs";

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
  await page.getByRole("button", { name: "Call", exact: true }).waitFor();
});
