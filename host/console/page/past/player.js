// Where in a recording we are: the player, and what follows it.

import { html, useCallback, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";

/** What follows the player is told at most so often, in milliseconds: often enough for the eye. */
const EVERY_MS = 100;

/**
 * `{audio (a ref), position (ms, undefined before anything was played), seek(ms), follow (the player's
 * listeners)}`. Without a recording seeking only moves the position.
 */
export function usePlayer() {
  const audio = useRef(null);
  const [position, setPosition] = useState(undefined);
  const [playing, setPlaying] = useState(false);
  const seek = useCallback((ms) => {
    const to = Math.max(0, ms);
    if (audio.current) audio.current.currentTime = to / 1000;
    setPosition(to);
  }, []);
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => audio.current && setPosition(audio.current.currentTime * 1000), EVERY_MS);
    return () => clearInterval(timer);
  }, [playing]);
  const follow = {
    onPlay: () => setPlaying(true),
    onPause: () => setPlaying(false),
    onEnded: () => setPlaying(false),
    // more of the recording has come: it goes on where it was
    onLoadedMetadata: ({ target }) => {
      if (position) target.currentTime = position / 1000;
      if (playing) target.play().catch(() => setPlaying(false));
    },
    onSeeked: (event) => setPosition(event.target.currentTime * 1000),
  };
  return { audio, position, seek, follow };
}

/** The browser's own player, with the file to be saved. `name`: of that file. */
export function Player({ url, player, name }) {
  return html`<div class="past-player">
    <audio ref=${player.audio} controls preload="auto" src=${url} aria-label="Recording" ...${player.follow}></audio>
    <a class="button" href=${url} download=${name}>Save the recording</a>
  </div>`;
}
