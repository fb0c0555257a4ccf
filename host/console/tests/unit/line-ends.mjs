// The other ends of a line, for tests: sockets that a test opens, loses and writes to, and a clock that it moves.

/** A WebSocket as a page sees it, but for that a message which it cannot send any more is an error. */
export class FakeSocket {
  messages = [];
  isClosed = false;
  readyState = WebSocket.CONNECTING;

  constructor(path) {
    this.path = path;
  }

  send(text) {
    if (this.readyState !== WebSocket.OPEN) throw new Error(`sent to a socket in state ${this.readyState}: ${text}`);
    this.messages.push(JSON.parse(text));
  }

  close(code) {
    this.isClosed = true;
    this.readyState = WebSocket.CLOSING;
    this.code = code;
  }

  open() {
    this.readyState = WebSocket.OPEN;
    this.onopen();
    return settled();
  }

  says(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The other side has begun to close it; the page is not told yet. */
  isClosing() {
    this.readyState = WebSocket.CLOSING;
  }

  closes(code, reason = "") {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ code, reason });
    return settled();
  }

  /** What was sent since the last time, of this event or type. */
  taken(kind) {
    const all = this.messages.splice(0);
    return kind ? all.filter((message) => (message.event ?? message.type) === kind) : all;
  }
}

/** Everything that is ready has happened. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Sockets and the clock of a line, and what it tells. `answers`: what the server says to who comes
 * back: a path, an error, or `{after, path}`, which takes so many milliseconds.
 */
export function ends(answers = []) {
  const sockets = [];
  const told = [];
  const waiting = [];
  let now = 0;
  let asked = 0;
  const wait = (milliseconds) => new Promise((done) => waiting.push({ at: now + milliseconds, done }));
  return {
    sockets,
    told,
    asked: () => asked,
    of: (what) => told.filter((event) => event.what === what),
    /** Time goes by, and what was waited for happens in between. */
    async passes(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        await settled();
        waiting.sort((a, b) => a.at - b.at);
        if (!waiting.length || waiting[0].at > until) break;
        const { at, done } = waiting.shift();
        now = at;
        done();
      }
      now = until;
    },
    line: {
      connect: (path) => sockets[sockets.push(new FakeSocket(path)) - 1],
      comeBack: async () => {
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        asked += 1;
        if (answer instanceof Error) throw answer;
        if (answer.after) await wait(answer.after);
        return answer.path ?? answer;
      },
      wait,
      now: () => now,
      tell: (event) => told.push(event),
    },
    clock: {
      now: () => now,
      after: (milliseconds, done) => {
        const entry = { at: now + milliseconds, done };
        waiting.push(entry);
        return () => waiting.splice(waiting.indexOf(entry), 1);
      },
    },
  };
}

/** What the server refuses with this status. */
export function refusal(status, message = "no") {
  return Object.assign(new Error(message), { status });
}
