// Why there is no microphone, in words for the user.

import assert from "node:assert/strict";
import { test } from "node:test";
import { meaning, microphone } from "../../page/call/microphone.js";

const CASES = [
  ["NotAllowedError", "refused", /Allow it/],
  ["NotFoundError", "absent", /Connect one/],
  ["NotReadableError", "absent", /another program/],
  ["OverconstrainedError", "absent", /Connect one/],
];

for (const [name, state, words] of CASES) {
  test(`${name}: it is ${state}, and one can type until it is there`, () => {
    const error = meaning({ name });
    assert.equal(error.state, state);
    assert.match(error.message, words);
    assert.match(error.message, /Until then, type\.$/);
  });
}

test("a page that is not secure does not even ask", async () => {
  const wrong = { name: "NoMicrophone", state: "insecure", message: /https:/ };
  await assert.rejects(microphone({ cleaned: true }), wrong);
});
