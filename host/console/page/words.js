// How times, lengths, amounts and what a server says are written.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** `14:03:07`, in the reader's own time zone. */
export function timeOfDay(at) {
  return clock.format(new Date(at));
}

/** Day and time. */
export function moment(at) {
  return at ? day.format(new Date(at)) : "";
}

/** `1:05`, `1:02:09`, of milliseconds. */
export function length(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `640 ms`, `2400 ms`, and from ten seconds on `12.4 s`; a dash where there is none. */
export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** `512 B`, `3.4 MB`. */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

const numbers = new Intl.NumberFormat();

/** `12,345` */
export function count(value) {
  return numbers.format(value ?? 0);
}

/**
 * An amount of money: `$1.25`, and of little ones all that counts: `$0.0042`. Without a currency the number
 * stands alone; nothing where there is none.
 */
export function money(amount, currency) {
  if (amount === null || amount === undefined || amount === "") return "–";
  const value = Number(amount);
  const maximumFractionDigits = Math.abs(value) < 1 ? 4 : 2;
  const kind = currency ? { style: "currency", currency } : {};
  return new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits, ...kind }).format(value);
}

/** A text as a sentence: with a capital letter and a full stop. */
export function sentence(text) {
  const trimmed = text.trim();
  return capital(/[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`);
}

/** With a capital letter. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value that a persona kept, as text: of lists, one after the other. */
export function written(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(written).join("; ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
