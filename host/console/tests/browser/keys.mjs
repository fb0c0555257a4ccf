// Keys, as an operator enters them into the page.

/** What the browser says of an answer that a key is wanted for; for `tolerate`. */
export const UNAUTHORIZED = /status of 40[13]/;

/** Enters a key into the dialog, from wherever the page is. */
export async function enterKey(page, key) {
  await page.getByRole("banner").getByRole("button", { name: "Key" }).click();
  const dialog = page.getByRole("dialog", { name: "Key" });
  await dialog.getByLabel("Key", { exact: true }).fill(key);
  await dialog.getByRole("button", { name: "Use it" }).click();
  await dialog.waitFor({ state: "detached" });
}
