// Review: one case at a time by keys. The next cases are fetched ahead with their pictures, so that
// a decision shows the next one at once; a decision that could not be saved brings its case back.
import { complain, parsed, request, send, toast } from "./app.js";

const AHEAD = 2;
const LABELS = { a: "authentic", m: "manipulated", s: "synthesized", u: "unsure" };

const stack = document.getElementById("stack");
const bar = document.getElementById("decide");
const help = document.getElementById("help");
const reason = bar.querySelector("select");
const undoButton = bar.querySelector("[data-undo]");
const next = [];
let current = stack.querySelector("[data-case]");
let shownAt = performance.now();
let label = null;
let last = null; // the number of the vote that undo takes back
let pending = null; // the vote on its way
let fetching = null;
let isDry = false;
const paces = [];

async function fetchOne() {
  const answer = await request("/review/next");
  if (answer.status === 204) { isDry = true; return; }
  const made = parsed(await answer.text()).querySelector("[data-case]");
  made.querySelector('[data-layer="original"]')?.decode?.().catch(() => {});
  next.push(made);
}

/** Keeps cases in stock, one request at a time; each request claims a case for us. */
function stockUp() {
  fetching ??= (async () => {
    try {
      while (next.length < AHEAD && !isDry) await fetchOne();
    } catch (error) {
      complain(error);
    } finally {
      fetching = null;
    }
  })();
  return fetching;
}

function show(made) {
  current = made ?? null;
  choose(null);
  reason.value = "";
  stack.replaceChildren(current ?? document.getElementById("nothing-left").content.cloneNode(true));
  bar.hidden = !current && !last;
  shownAt = performance.now();
  scrollTo({ top: 0 });
}

async function advance() {
  if (!next.length && !isDry) await stockUp();
  show(next.shift());
  stockUp();
}

function choose(chosen) {
  label = chosen;
  for (const button of bar.querySelectorAll("[data-label]")) {
    button.setAttribute("aria-pressed", String(button.dataset.label === chosen));
  }
  for (const button of bar.querySelectorAll("[data-action]")) button.disabled = !chosen;
}

/** A label alone settles "unsure", which asks for no action; the others wait for theirs. */
function pick(chosen) {
  if (!current) return;
  choose(chosen);
  if (chosen === "unsure") decide("");
}

async function decide(action) {
  if (!current || !label) return;
  const decided = current;
  const seconds = (performance.now() - shownAt) / 1000;
  const vote = { label, action, reason_code: reason.value, note: "", seconds };
  pace(seconds);
  pending = save(decided, vote);
  await advance();
}

async function save(decided, vote) {
  try {
    const answer = await send(`/review/${encodeURIComponent(decided.dataset.case)}/decide`, vote);
    const saved = await answer.json();
    last = saved.feedback;
    undoButton.disabled = false;
    toast(saved.sentence, { action: { title: "Undo", run: undo } });
    countDown();
  } catch (error) {
    complain(error);
    if (error.status === 409) return; // another moderator holds it now
    if (current) next.unshift(current);
    show(decided);
  }
}

async function undo() {
  await pending;
  if (last === null) return;
  const taken = last;
  last = null;
  undoButton.disabled = true;
  try {
    const answer = await send("/review/undo", { feedback: taken });
    isDry = false;
    if (answer.status === 204) { toast("Taken back: the case is in the queue again."); return; }
    if (current) next.unshift(current);
    show(parsed(await answer.text()).querySelector("[data-case]"));
  } catch (error) {
    complain(error);
  }
}

async function skip() {
  if (!current) return;
  const skipped = current.dataset.case;
  pending = send(`/review/${encodeURIComponent(skipped)}/skip`).catch(complain);
  await advance();
}

function pace(seconds) {
  paces.push(seconds);
  const mean = paces.reduce((sum, one) => sum + one, 0) / paces.length;
  bar.querySelector("[data-pace]").textContent = `${paces.length} decided, ${mean.toFixed(1)} s each`;
}

function countDown() {
  const count = document.querySelector("[data-backlog]");
  if (count) count.textContent = Math.max(0, Number(count.textContent) - 1);
}

function key(event) {
  const isTyping = event.target.closest("input:not([type=range]), select, textarea, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const zoom = { "+": "in", "=": "in", "-": "out", 0: "reset" }[event.key];
  const action = bar.querySelectorAll("[data-action]")[Number(event.key) - 1];
  if (event.key in LABELS) pick(LABELS[event.key]);
  else if (action && !zoom) action.click();
  else if (event.key === "k") skip();
  else if (event.key === "z") undo();
  else if (event.key === "r") reason.focus();
  else if (event.key === "v") current?.querySelector("assay-overlay").next();
  else if (event.key === "?") help.showModal();
  else if (event.key === "Escape") choose(null);
  else if (zoom) current?.querySelector("assay-zoom").act(zoom);
  else return;
  event.preventDefault();
}

document.addEventListener("keydown", key);
reason.addEventListener("change", () => reason.blur());
document.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if (button.dataset.label) pick(button.dataset.label);
  else if (button.dataset.action) decide(button.dataset.action);
  else if ("skip" in button.dataset) skip();
  else if ("undo" in button.dataset) undo();
  else if ("help" in button.dataset) help.showModal();
  else if ("again" in button.dataset) { isDry = false; advance(); }
});
addEventListener("pagehide", () => {
  // What was fetched ahead, and not looked at, goes back to everybody.
  for (const made of next) send(`/review/${encodeURIComponent(made.dataset.case)}/release`, {}, { keepalive: true }).catch(() => {});
});

if (current) stockUp();
else show(null);
