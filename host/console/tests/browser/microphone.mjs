// Without a microphone the page says why in words, and typing works all the same.
//   node microphone.mjs BASE_URL KEY
// The server: as for typed.mjs, at 127.0.0.1, and with CORDBOARD_API_KEY: by another name it answers nobody else.

import { UNAUTHORIZED } from "./keys.mjs";
import { ARGUMENTS, BASE, story } from "./kit.mjs";
import { call, exchange, greeted, hangUp } from "./telephone.mjs";

// a name without https:// is no secure context, unlike 127.0.0.1
const NAME = "cordboard.test";

const [KEY] = ARGUMENTS;

const CASES = [
  { state: "refused", words: "This page may not use the microphone.", options: { microphone: "refused" } },
  { state: "absent", words: "No microphone was found.", options: { microphone: "none" } },
  {
    state: "insecure",
    words: "Browsers give the microphone to secure pages only.",
    options: { base: BASE.replace(new URL(BASE).hostname, NAME), names: [NAME] },
  },
];

await story(async ({ browse }) => {
  for (const { state, words, options } of CASES) {
    const page = await browse({ ...options, tolerate: [UNAUTHORIZED] });
    await call(page, { ...options, key: KEY });
    await page.locator(`[data-microphone="${state}"]`).waitFor();
    await page.getByRole("alert").getByText(words).waitFor();
    await greeted(page);
    await exchange(page, "My soup was cold today.");
    await hangUp(page);
  }
});
