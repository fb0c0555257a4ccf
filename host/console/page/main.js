// The console: which view is open, who we are to the server, and how the page looks.

import { Access, KeyDialog, askAccess } from "./access.js";
import { Call } from "./call/view.js";
import { Components } from "./components/view.js";
import { Figures } from "./figures/view.js";
import { Ongoing } from "./ongoing.js";
import { Past } from "./past/view.js";
import { Watch } from "./watch/view.js";
import { at, usePlace } from "./hooks.js";
import { html, render, useCallback, useEffect, useState } from "./vendor/htm-preact-3.1.1.js";
import { Notice, Waiting } from "./ui.js";

const VIEWS = [
  { name: "call", title: "Call", view: Call },
  { name: "watch", title: "Live calls", view: Watch },
  { name: "past", title: "Conversations", view: Past },
  { name: "figures", title: "Figures", view: Figures },
  { name: "components", title: "Components", view: Components },
];

/** Who is not answered is asked again after so long: a server that is away, and one that has too much to do. */
const AWAY_MS = 2000;
const BUSY_MS = 5000;

const THEMES = ["system", "light", "dark"];
const THEME = "cordboard.theme";

function useTheme() {
  const [theme, setTheme] = useState(() => {
    try {
      return localStorage.getItem(THEME) ?? "system";
    } catch {
      return "system";
    }
  });
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    // plots take their colours from the page
    dispatchEvent(new Event("theme"));
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      // it lasts until a reload
    }
  }, [theme]);
  const next = () => setTheme((theme) => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
  return [theme, next];
}

/**
 * What the server says of us, `{access, error, again}`; asked anew when the key changes, and until there is an answer.
 * What it said last holds until it refuses the key.
 */
function useServer() {
  const [state, setState] = useState({ access: undefined, error: undefined });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const ending = new AbortController();
    let timer;
    askAccess(ending.signal).then(
      (access) => setState({ access, error: undefined }),
      (error) => {
        if (ending.signal.aborted) return;
        setState(({ access }) => ({ access: error.wantsKey ? undefined : access, error }));
        if (error.wantsKey) return;
        timer = setTimeout(() => setAsked((count) => count + 1), error.status === 0 ? AWAY_MS : BUSY_MS);
      },
    );
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [asked]);
  return { ...state, again: useCallback(() => setAsked((count) => count + 1), []) };
}

function App() {
  const { view: name, rest, query } = usePlace();
  const view = VIEWS.find((view) => view.name === name) ?? VIEWS[0];
  const { access, error, again } = useServer();
  const [asking, setAsking] = useState(false);
  const [theme, nextTheme] = useTheme();
  useEffect(() => {
    document.title = `${view.title} · Cordboard`;
  }, [view]);
  // nothing of the call's view is shown to a key that may not call
  const callShown = view.view === Call && access?.may("call");
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      // the place in the address is the view's
      event.preventDefault();
      document.getElementById("main").focus();
    }}>Skip to the content</a>
    <header class="top">
      <a class="brand" href=${at("call")}><img src="console/icon.svg" alt="" width="28" height="28" /> Cordboard</a>
      <nav aria-label="Views">
        ${VIEWS.map(
          ({ name, title }) =>
            html`<a href=${at(name)} aria-current=${name === view.name ? "page" : undefined}>${title}</a>`,
        )}
      </nav>
      <div class="row">
        <button type="button" class="plain" onClick=${nextTheme} aria-label="Appearance: ${theme}" title="Appearance: ${theme}">
          ${{ system: "◐", light: "☀", dark: "☾" }[theme]}
        </button>
        <button type="button" class="plain" onClick=${() => setAsking(true)}>Key</button>
      </div>
    </header>
    ${!callShown && html`<${Ongoing} back=${view.view !== Call && (access?.may("call") ?? false)} />`}
    <main id="main" tabindex="-1">
      <${Unanswered} error=${error} onKey=${() => setAsking(true)} />
      ${access
        ? html`<${Access.Provider} value=${access}><${view.view} rest=${rest} query=${query} /><//>`
        : !error && html`<${Waiting} />`}
    </main>
    ${asking &&
    html`<${KeyDialog}
      why=${error?.wantsKey ? error.message : undefined}
      onClose=${() => setAsking(false)}
      onKey=${() => {
        setAsking(false);
        again();
      }}
    />`}
  `;
}

/** Why the server does not say who we are, and what comes of it. */
function Unanswered({ error, onKey }) {
  if (!error) return null;
  if (error.status === 0) return html`<${Notice} kind="bad">The server cannot be reached. Trying again …<//>`;
  if (!error.wantsKey) return html`<${Notice} kind="bad">${error.message.replace(/\.$/, "")}. Trying again …<//>`;
  return html`<${Notice} kind="warning" action=${html`<button type="button" onClick=${onKey}>Enter a key</button>`}>
    ${error.message}
  <//>`;
}

render(html`<${App} />`, document.getElementById("console"));
