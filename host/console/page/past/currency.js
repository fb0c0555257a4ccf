// The currency of the server's prices.

import { get } from "../api.js";
import { useData } from "../hooks.js";

/** `USD`; undefined where there are no prices, or nobody says. */
export function useCurrency() {
  const { data } = useData((signal) => get("/figures", { minutes: 15 }, signal));
  return data?.currency ?? undefined;
}
