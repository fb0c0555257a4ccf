// How a conversation ends.

const ENDED_BY = { transferred: 'transfer', failed: 'failure' };

/** Who ended the call, in a word for the record. */
export const endedBy = (departure) => ENDED_BY[departure] ?? departure;

/**
 * Whether somebody ends the conversation with one of these: a word counts among the last four, a phrase of
 * several words as the very last ones.
 */
export function saysGoodbye(text, phrases) {
  const said = words(text);
  return phrases.map(words).some((phrase) => {
    if (phrase.length === 1) return said.slice(-4).includes(phrase[0]);
    return phrase.length > 0 && said.slice(-phrase.length).join(' ') === phrase.join(' ');
  });
}

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
