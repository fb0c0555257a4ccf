// A network between the browser and the server that can be cut: connections are gone without a word, and no new
// ones come about until it is mended.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** `{base, cut(), mend(), close()}`; `base`: where the server is reached through it. */
export async function network(server) {
  const { hostname, port } = new URL(server);
  const ends = new Set();
  let isCut = false;
  const hold = (end) => {
    ends.add(end);
    end.on("error", () => end.destroy());
    end.on("close", () => ends.delete(end));
  };
  const between = createServer((near) => {
    hold(near);
    if (isCut) return near.resetAndDestroy();
    const far = connect(Number(port), hostname);
    hold(far);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  return {
    base: `http://127.0.0.1:${between.address().port}`,
    cut() {
      isCut = true;
      for (const end of ends) end.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      isCut = true;
      for (const end of ends) end.destroy();
      between.close();
    },
  };
}
