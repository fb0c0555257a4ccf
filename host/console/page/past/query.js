// What is searched for: as it stands in the page's address, in the form, and in what the server is asked.

/** What can be searched for, by the server's names. */
export const FILTERS = [
  "text",
  "caller",
  "persona",
  "claim_id",
  "state",
  "outcome",
  "departure",
  "direction",
  "from",
  "to",
];

const TIMES = ["from", "to"];

/** `2026-11-22T06:08` in the reader's own zone, as a date-time control wants it, of a time with a zone. */
export function toLocal(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `2026-11-22T05:08:00Z` of a date-time control's value: the same moment for everybody who reads it. */
export function toZone(local) {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().replace(".000Z", "Z");
}

/** What the address says, as the server takes it: only what is named, nothing that it does not know. */
export function fromAddress(query) {
  const named = FILTERS.map((filter) => [filter, (query.get(filter) ?? "").trim()]);
  return Object.fromEntries(named.filter(([filter, value]) => value && isUsable(filter, value)));
}

function isUsable(filter, value) {
  return !TIMES.includes(filter) || !Number.isNaN(new Date(value).getTime());
}

/** What stands in the form's controls, empty where nothing is searched for. */
export function toForm(filters) {
  const value = (filter) => (TIMES.includes(filter) ? toLocal(filters[filter]) : filters[filter]);
  return Object.fromEntries(FILTERS.map((filter) => [filter, filters[filter] ? value(filter) : ""]));
}

/** What was typed into the form, as the server takes it. */
export function fromForm(typed) {
  const value = (filter) => (TIMES.includes(filter) ? toZone(typed[filter]) : (typed[filter] ?? "").trim());
  return Object.fromEntries(FILTERS.map((filter) => [filter, value(filter)]).filter(([, value]) => value));
}

/** The place in the page where this is searched for. `claims`: those with a claim, as claims. */
export function address(filters, claims) {
  const query = new URLSearchParams(FILTERS.filter((name) => filters[name]).map((name) => [name, filters[name]]));
  if (claims) query.set("show", "claims");
  const search = query.toString();
  return search ? `#/past?${search}` : "#/past";
}

/** The path of a file with all that is searched for. `kind`: csv or jsonl; `claims`: those about a claim. */
export function exportPath(filters, kind, claims) {
  const search = new URLSearchParams(claims ? { ...filters, claims: true } : filters).toString();
  return search ? `/conversations.${kind}?${search}` : `/conversations.${kind}`;
}
