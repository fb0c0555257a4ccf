// Work that is done again and again as long as somebody looks at the page.

/**
 * Does `work()` at once, whether anybody looks or not, and again `every` so many milliseconds (none: once) while the
 * page is seen; as soon as it is seen again, at once. Gives what ends it. `page`: the document.
 */
export function repeating(work, every, page = document) {
  let timer;
  let [busy, ended] = [false, false];
  const next = async () => {
    clearTimeout(timer);
    busy = true;
    await work();
    busy = false;
    if (every && !ended && !page.hidden) timer = setTimeout(next, every);
  };
  const turned = () => {
    if (page.hidden) clearTimeout(timer);
    else if (every && !busy) next();
  };
  page.addEventListener("visibilitychange", turned);
  next();
  return () => {
    ended = true;
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", turned);
  };
}

/** Calls `left()` when the page has been out of sight for `ms`. Gives what ends that. */
export function whenLeft(left, ms, page = document) {
  let timer;
  const turned = () => {
    clearTimeout(timer);
    if (page.hidden) timer = setTimeout(left, ms);
  };
  page.addEventListener("visibilitychange", turned);
  turned();
  return () => {
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", turned);
  };
}
