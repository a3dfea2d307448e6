// The cases that this page has claimed and not shown yet, each with its picture fetched, each on a
// lease. What is claimed here is kept from everybody else, so it goes back when the page is left.
import { complain, parsed, request, send } from "./app.js";

const AHEAD = 2;
const SPARE = 10_000; // milliseconds before the end of a lease at which a case counts as lost

/** Posts about one case; `does` is claim, decision, skip or release. */
export function tell(made, does, body = {}) {
  // keepalive: a vote also arrives if the page is left right after it.
  return send(`/review/${encodeURIComponent(made.dataset.case)}/${does}`, body, { keepalive: true });
}

/** The case in an answer, its picture on the way, and when its lease ends. */
export async function received(answer) {
  const made = parsed(await answer.text()).querySelector("[data-case]");
  lease(made, made.dataset.lease);
  made.picture = picture(made);
  return made;
}

/** Notes that a case is ours for `seconds` from now. */
export function lease(made, seconds) {
  made.heldUntil = Date.now() + 1000 * seconds - SPARE;
}

export function isOver(made) {
  return Date.now() > made.heldUntil;
}

/** Settles once the picture can be painted at once, or never can. */
async function picture(made) {
  await made.querySelector('[data-layer="original"]')?.decode().catch(() => {});
}

export class Stock {
  #ready = [];
  #filling = null;
  failure = null; // why the last claim did not succeed

  /** The next case; null when nobody needs one decided, or none could be claimed (`failure`). */
  async take() {
    for (;;) {
      if (!this.#ready.length) await this.fill();
      const made = this.#ready.shift();
      if (!made) return null;
      if (!isOver(made)) return made;
    }
  }

  get isEmpty() {
    return !this.#ready.length;
  }

  /** Has `made` come next. */
  putBack(made) {
    this.#ready.unshift(made);
  }

  /** Claims ahead, one request at a time. */
  fill() {
    this.#filling ??= this.#fill().catch((error) => this.#fail(error)).finally(() => { this.#filling = null; });
    return this.#filling;
  }

  async #fill() {
    this.failure = null;
    while (this.#ready.length < AHEAD) {
      const answer = await request("/review/next");
      if (answer.status === 204) return;
      this.#ready.push(await received(answer));
    }
  }

  #fail(error) {
    this.failure = error;
    complain(error);
  }

  /** Gives everything back to everybody, by beacons, which outlive the page. */
  release() {
    const form = new FormData();
    form.set("csrf_token", document.querySelector('meta[name="csrf-token"]').content);
    for (const made of this.#ready) {
      navigator.sendBeacon(`/review/${encodeURIComponent(made.dataset.case)}/release`, form);
    }
    this.#ready = [];
  }
}
