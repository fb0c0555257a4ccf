// Where the time went between the end of the caller's speech and the first sound of the answer.

import { html } from "../vendor/htm-preact-3.1.1.js";
import { milliseconds } from "../words.js";
import { phases, voiceToVoice } from "./phases.js";

/** The phases of a turn (see {@link Timeline}) as bars, which are a table too. */
export function Waterfall({ turn }) {
  const all = phases(turn.metrics);
  const total = voiceToVoice(turn.metrics);
  if (!all.length) return html`<p class="hint">Nothing of this turn was measured.</p>`;
  const longest = Math.max(1, ...all.map(({ to }) => to));
  return html`<table class="waterfall">
    <caption>Turn ${turn.number}, after the end of the caller's speech</caption>
    <thead class="visually-hidden">
      <tr><th scope="col">Phase</th><th scope="col">From and to</th><th scope="col">Took</th></tr>
    </thead>
    <tbody>
      ${all.map(
        ({ name, about, kind, from, to }) =>
          html`<tr key=${name}>
            <th scope="row" title=${about}>${name}</th>
            <td class="bars">
              <span
                class="bar ${kind}"
                style=${{ marginLeft: `${(from / longest) * 100}%`, width: `${((to - from) / longest) * 100}%` }}
              ></span>
              <span class="visually-hidden">from ${milliseconds(from)} to ${milliseconds(to)}</span>
            </td>
            <td class="number">${milliseconds(to - from)}</td>
          </tr>`,
      )}
    </tbody>
    <tfoot>
      <tr>
        <th scope="row">Voice to voice</th>
        <td></td>
        <td class="number"><strong>${total === null ? "not answered" : milliseconds(total)}</strong></td>
      </tr>
    </tfoot>
  </table>`;
}
