// How loud something is, as the meters show it.

/** The quietest that is shown: dBFS. */
const FLOOR = -60;

/** 0 (silence) to 100 (full scale), on a scale of dB, of an amplitude between 0 and 1. */
export function loudness(amplitude) {
  if (!(amplitude > 0)) return 0;
  const decibels = 20 * Math.log10(amplitude);
  return Math.round(100 * Math.max(0, Math.min(1, 1 - decibels / FLOOR)));
}

/** The largest amplitude among samples. */
export function peak(samples) {
  let largest = 0;
  for (const sample of samples) largest = Math.max(largest, Math.abs(sample));
  return largest;
}
