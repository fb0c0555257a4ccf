// The socket of a call, over losses of the network: when it goes without a word, the call waits for us for ten
// seconds, and another socket is asked for until then. It knows nothing of what is said over it.

/** So long the server waits for us to return: milliseconds. */
export const PATIENCE = 10_000;

// between two attempts; the last one again and again
const PAUSES = [0, 250, 500, 1000];
// an attempt that takes longer is given up
const ATTEMPT = 3000;
// so many attempts are made with what was asked for once: a call is not returned to as often as one likes
const ATTEMPTS_OF_ONE = 2;

// bytes that wait to be sent: about a second and a half of frames, which a socket that lives never has for so many
// milliseconds. A page that stood still sends many frames at once, and has them all sent a moment later.
const MOST_WAITING = 30_000;
const TOO_LONG = 500;

// WebSocket.OPEN: behind it come those in which nothing can be sent any more
const OPEN = 1;

// WebSocket close codes (RFC 6455, 7.4.1) with which a server ends a call or refuses it
const NORMAL = 1000;
const NO_STATUS = 1005;
const POLICY = 1008;

/**
 * `connect(path)` gives a WebSocket or what behaves like one; `comeBack()` asks the server for another path, and
 * throws with a `status`; `wait(milliseconds)` and `now()` are the clock. `tell` has `opened(again)`,
 * `message(text)`, `lost()` and `over(why)`; why is "closed", "refused" (with a reason), "gone" (the call was
 * over when we came back) or "lost" (we did not come back in time).
 */
export class Lifeline {
  #connect;
  #comeBack;
  #clock;
  #tell;
  #socket;
  // "new", "open", "lost", "over"
  #state = "new";
  // since when too much waits to be sent; undefined: it does not
  #stuckSince;
  // what the server was asked for last and that did not bring us back yet: {path: a promise, attempts}
  #asked;

  constructor({ connect, comeBack, wait, now, tell }) {
    this.#connect = connect;
    this.#comeBack = comeBack;
    this.#clock = { wait, now };
    this.#tell = tell;
  }

  get isOpen() {
    return this.#state === "open";
  }

  /** Opens the first socket. */
  async begin(path) {
    const { socket, why } = await this.#opened(path);
    if (this.#state !== "new") return;
    if (socket) this.#hold(socket, false);
    else this.#over("refused", why || "the server did not open the line");
  }

  /** Sends a message, as JSON; not where the line is lost, nor where it closes, which is told in a moment. */
  send(message) {
    if (!this.isOpen || this.#socket.readyState > OPEN) return;
    this.#socket.send(JSON.stringify(message));
    if (this.#isStuck()) this.#lose();
  }

  /** Ends it from here. */
  close() {
    this.#state = "over";
    this.#socket?.close(NORMAL);
  }

  /** The network is known to be gone, though the socket has not noticed yet. */
  abandon() {
    if (this.isOpen) this.#lose();
  }

  // nobody takes what is sent, though nobody has said that the line is gone
  #isStuck() {
    if (!(this.#socket.bufferedAmount > MOST_WAITING)) {
      this.#stuckSince = undefined;
      return false;
    }
    this.#stuckSince ??= this.#clock.now();
    return this.#clock.now() - this.#stuckSince >= TOO_LONG;
  }

  #opened(path) {
    return new Promise((resolve) => {
      const socket = this.#connect(path);
      this.#socket = socket;
      socket.onopen = () => resolve({ socket });
      socket.onerror = () => resolve({});
      socket.onclose = ({ reason }) => resolve({ why: reason });
    });
  }

  #hold(socket, again) {
    this.#socket = socket;
    this.#state = "open";
    this.#stuckSince = this.#asked = undefined;
    socket.onerror = null;
    socket.onmessage = ({ data }) => this.#state === "open" && this.#tell.message(data);
    socket.onclose = ({ code, reason }) => {
      if (code === NORMAL || code === NO_STATUS) this.#over("closed");
      else if (code === POLICY) this.#over("refused", reason);
      else this.#lose();
    };
    this.#tell.opened(again);
  }

  #lose() {
    if (this.#state !== "open") return;
    this.#state = "lost";
    this.#drop(this.#socket);
    this.#tell.lost();
    this.#seek();
  }

  // nothing of it concerns us any more
  #drop(socket) {
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
  }

  async #seek() {
    const until = this.#clock.now() + PATIENCE;
    for (let attempt = 0; this.#clock.now() < until; attempt += 1) {
      await this.#clock.wait(PAUSES[Math.min(attempt, PAUSES.length - 1)]);
      if (this.#state !== "lost") return;
      try {
        const socket = await this.#another();
        if (this.#state !== "lost") return socket && this.#drop(socket);
        if (socket) return this.#hold(socket, true);
      } catch (error) {
        // the server answered, and there is nothing to come back to
        if (error.status >= 400 && error.status < 500 && error.status !== 429) return this.#over("gone", error.message);
      }
    }
    this.#over("lost");
  }

  async #another() {
    const tooLong = this.#clock.wait(ATTEMPT).then(() => ({}));
    const path = await Promise.race([this.#path(), tooLong]);
    if (this.#state !== "lost") return undefined;
    if (typeof path !== "string") return this.#failed();
    const { socket } = await Promise.race([this.#opened(path), tooLong]);
    if (socket) return socket;
    this.#drop(this.#socket);
    return this.#failed();
  }

  // an answer that is late, and a path that was not come back by, still serve
  #path() {
    if (this.#asked) return this.#asked.path;
    const asked = { path: this.#comeBack(), attempts: 0 };
    this.#asked = asked;
    asked.path.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    return asked.path;
  }

  // the path may have been used up by an attempt that we heard nothing of
  #failed() {
    if (!this.#asked) return;
    this.#asked.attempts += 1;
    if (this.#asked.attempts === ATTEMPTS_OF_ONE) this.#asked = undefined;
  }

  #over(why, reason) {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#tell.over(why, reason);
  }
}
