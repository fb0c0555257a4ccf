// A kept conversation told again as the events that it was made of, so that there is one way to understand a
// call, whether it goes on or is long over.

import { times } from "./times.js";

/** What is told twice, of the same words, is told within so many milliseconds. */
export const SAME_MS = 2500;

// these happen at one moment in this order
const ORDER = ["caller", "turn", "speaks", "spoke"];

/**
 * The events of a record (GET /conversations/{id}; `levels`: of its recording, if there is one), in their order, as
 * GET /calls/{id}/events tells them.
 */
export function retold(record) {
  const { conversation, turns = [], events = [] } = record;
  const told = [...said(record), ...events.map(happened)];
  const kept = keptOf(conversation);
  const last = conversation.ended_at ?? turns.at(-1)?.created_at ?? conversation.created_at;
  if (Object.keys(kept).length) told.push({ at: last, event: "kept", fields: kept });
  if (conversation.outcome) told.push({ at: last, event: "outcome", outcome: conversation.outcome });
  told.sort((one, other) => Date.parse(one.at) - Date.parse(other.at) || order(one) - order(other));
  if (conversation.ended_at) {
    told.push({ at: conversation.ended_at, event: "end", departure: conversation.departure });
  }
  return told;
}

function order({ event }) {
  const at = ORDER.indexOf(event);
  return at < 0 ? ORDER.length : at;
}

function happened({ event, data, created_at: at }) {
  return { ...data, at, event };
}

function keptOf({ fields, claim_id, claim_date, claim_status, claim_amount, state }) {
  const all = { ...fields, claim_id, claim_date, claim_status, claim_amount, state };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

function said(record) {
  const begin = Date.parse(record.conversation.created_at);
  return times(record).flatMap(({ row, from, to, closed, estimated }) => {
    const { speaker, turn, revision, text, intended, ending } = row;
    const at = (ms, name, more) => event(begin + ms, name, more);
    if (speaker === "caller") {
      return [
        at(from, "caller", { speaking: true, estimated }),
        at(to, "caller", { speaking: false }),
        at(closed, "turn", { number: turn, revision, text }),
      ];
    }
    const meant = intended ?? text;
    return [
      at(from, "speaks", { text: meant, estimated }),
      at(to, "spoke", { text: meant, heard: text, ending: ending ?? "complete" }),
    ];
  });
}

function event(at, name, more) {
  return { at: new Date(at).toISOString(), event: name, ...more };
}
