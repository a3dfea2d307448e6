// Review: one case at a time by keys. A decision shows the next case, which is here already, and is
// saved behind it; one that could not be saved comes back. Nothing is accepted before the picture
// that it is about was painted, and a moment longer, so that no key decides what nobody saw.
import { complain, send, toast } from "./app.js";
import { Stock, isOver, lease, received, tell } from "./cases.js";

const GUARD = 150; // milliseconds from the picture to the first key that counts
const AGAIN = 15_000; // milliseconds between looks at an empty queue
const KEPT = "assay-case"; // of this tab: what is on screen, to be shown again after a reload
const LABELS = { a: "authentic", m: "manipulated", s: "synthesized", u: "unsure" };
const ZOOM = { "+": "in", "=": "in", "-": "out", 0: "reset" };

const stack = document.getElementById("stack");
const bar = document.getElementById("decide");
const help = document.getElementById("help");
const reason = bar.querySelector("select");
const note = bar.querySelector("[name=note]");
const undoButton = bar.querySelector("[data-undo]");
const stock = new Stock();
const votes = []; // what can be taken back, the newest at the end
const paces = [];
let current = null;
let isOpen = false; // whether input counts
let shownAt = 0;
let label = null;
let saving = Promise.resolve(); // votes on their way, one after another

/* Showing */

async function show(made) {
  accept(null);
  current = made;
  choose(null);
  note.value = "";
  const hadFocus = bar.contains(document.activeElement) && document.activeElement.matches(":focus-visible");
  stack.replaceChildren(made ?? nothing());
  stack.ariaBusy = "false";
  bar.hidden = !made && !votes.length;
  if (!made) { sessionStorage.removeItem(KEPT); say(stack.querySelector("h2").textContent); return; }
  sessionStorage.setItem(KEPT, made.dataset.case);
  scrollTo({ top: 0 });
  (hadFocus ? bar.querySelector("[data-label]") : made).focus({ preventScroll: true });
  await painted(made);
  if (current !== made) return;
  shownAt = performance.now();
  setTimeout(() => { if (current === made) accept(made); }, GUARD);
  say(`Next case: ${made.querySelector(".why").innerText.replaceAll("\n", ", ")}`);
}

function nothing() {
  const name = stock.failure ? "out-of-reach" : "nothing-left";
  return document.getElementById(name).content.cloneNode(true);
}

/** Settles after the frame that shows the picture. */
async function painted(made) {
  await made.picture;
  await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
}

async function advance() {
  accept(null);
  const askedAt = performance.now();
  const made = await stock.take();
  await Promise.all([show(made), stock.fill()]);
  if (made) performance.measure("assay-next-case", { start: askedAt, end: shownAt });
}

/** From now on input counts, and is about `made`; about nothing with null. */
function accept(made) {
  isOpen = Boolean(made);
  bar.dataset.accepts = made?.dataset.case ?? "";
}

function say(words) {
  document.getElementById("said").textContent = words;
}

/* Deciding */

function choose(chosen) {
  label = chosen;
  const button = chosen && bar.querySelector(`[data-label="${chosen}"]`);
  for (const each of bar.querySelectorAll("[data-label]")) each.setAttribute("aria-pressed", String(each === button));
  for (const each of bar.querySelectorAll("[data-action]")) {
    each.disabled = !chosen;
    each.classList.toggle("is-suggested", Boolean(chosen) && each.dataset.action === button.dataset.actionSuggested);
  }
  reason.value = button?.dataset.reasonSuggested ?? "";
  const suggested = bar.querySelector(".is-suggested");
  bar.querySelector("[data-hint]").textContent = hint(button, suggested);
  return suggested;
}

function hint(button, suggested) {
  if (!button) return "First say what the image is, then what is to be done.";
  const said = `${words(button)}: now the action`;
  return suggested ? `${said}, or Enter for ${words(suggested)}.` : `${said}.`;
}

/** A label alone settles "unsure", which asks for no action; the others wait for theirs. */
function pick(chosen) {
  if (veil()?.isCovered) { veil().querySelector("button").focus(); say("Show the image first: key b."); return; }
  choose(chosen);
  if (chosen === "unsure") decide("");
  else say(bar.querySelector("[data-hint]").textContent);
}

function decide(action) {
  if (!label) return;
  const seconds = (performance.now() - shownAt) / 1000;
  const vote = { label, action, reason_code: reason.value, note: note.value, seconds };
  const decided = current;
  saving = saving.then(() => save(decided, vote));
  advance();
}

async function save(decided, vote) {
  try {
    const saved = await (await tell(decided, "decision", vote)).json();
    const count = Number(decided.dataset.size);
    votes.push({ ...saved, words: count > 1 ? `${saved.sentence} (${count} uploads)` : saved.sentence });
    paces.push(vote.seconds);
    backlog(-1);
    remember(saved.model);
  } catch (error) {
    if (error.status === 409 || error.status === 404) { gone(); return; }
    complain(error);
    toast("Your vote was not saved; its case comes again next.", { tone: "error" });
    lease(decided, decided.dataset.lease);
    stock.putBack(decided);
    if (!current) advance();
  }
}

/** What was decided last stands in the bar, with what the model had said of an audit. */
function remember(model = "") {
  const last = votes.at(-1);
  undoButton.disabled = !last;
  bar.hidden = !current && !last;
  bar.querySelector("[data-last]").textContent = last ? `Saved: ${last.words}. ${model}` : "";
  const mean = paces.reduce((sum, one) => sum + one, 0) / paces.length;
  bar.querySelector("[data-pace]").textContent = paces.length ? `${paces.length} decided, ${mean.toFixed(1)} s each` : "";
  if (model) say(model);
}

async function undo() {
  accept(null);
  await saving;
  const taken = votes.pop();
  if (!taken) say("Nothing to undo.");
  else if (await takeBack(taken)) return;
  accept(current);
}

/** Whether the case of the vote is on screen again. */
async function takeBack(taken) {
  try {
    const answer = await send(`/review/undo/${taken.feedback}`);
    paces.pop();
    backlog(1);
    remember();
    toast(`Taken back: ${taken.words}.`);
    if (answer.status === 204) { toast("Somebody else has the case now."); return false; }
    if (current) stock.putBack(current);
    await show(await received(answer));
    return true;
  } catch (error) {
    remember();
    complain(error);
    return false;
  }
}

async function skip() {
  const skipped = current;
  saving = saving.then(() => tell(skipped, "skip")).catch(complain);
  await advance();
}

function gone() {
  toast("Somebody else has taken that case meanwhile; your vote on it does not count.", { tone: "error" });
}

/** Claims the case on screen again, whose lease has ended while nobody looked. */
async function regain() {
  accept(null);
  try {
    await tell(current, "claim");
    lease(current, current.dataset.lease);
    accept(current);
  } catch (error) {
    if (error.status !== 409 && error.status !== 404) { complain(error); return; }
    toast("Somebody else has taken this case while you were away.");
    await advance();
  }
}

function backlog(change) {
  const shown = document.querySelector("[data-backlog]");
  if (shown) shown.textContent = Math.max(0, Number(shown.textContent) + change);
}

/* Input */

const overlay = () => current?.querySelector("assay-overlay");
const veil = () => current?.querySelector("assay-veil");
const words = (button) => button.lastChild.textContent;

function heatmap() {
  if (!overlay()?.querySelector("[data-show=heatmap]")) { say("Hidden until your vote."); return; }
  overlay().show(overlay().dataset.view === "heatmap" ? "original" : "heatmap");
}

function nextReason() {
  reason.selectedIndex = (reason.selectedIndex + 1) % reason.options.length;
  say(reason.selectedOptions[0].textContent);
}

function confirm(target) {
  if (target.closest("button, a, summary") && target.dataset.label !== label) return false;
  bar.querySelector(".is-suggested")?.click();
  return Boolean(label);
}

/** What a key means, by its character, else (other alphabets, AZERTY's digits) by its place. */
function meaning(event) {
  if (event.key.length > 1 || event.key in ZOOM || event.key === "?") return event.key;
  if (/[a-z0-9]/i.test(event.key)) return event.key.toLowerCase();
  return /^(?:Key|Digit|Numpad)(.)$/.exec(event.code)?.[1].toLowerCase() ?? event.key;
}

function act(name, target) {
  const action = bar.querySelectorAll("[data-action]")[Number(name) - 1];
  if (name in LABELS) pick(LABELS[name]);
  else if (name in ZOOM) current.querySelector("assay-zoom")?.act(ZOOM[name]);
  else if (action) action.click();
  else if (name === "k") skip();
  else if (name === "z") undo();
  else if (name === "r") nextReason();
  else if (name === "n") note.focus();
  else if (name === "h") heatmap();
  else if (name === "v") overlay()?.next();
  else if (name === "b") veil()?.toggle({ isForAll: true });
  else if (name === "Escape") choose(null);
  else if (name === "Enter") return confirm(target);
  else return false;
  return true;
}

/** Whether input counts now; a lease that has ended is taken up again first. */
function accepts() {
  if (current && isOpen && isOver(current)) regain();
  return isOpen && Boolean(current);
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (target.closest("dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input:not([type=range]), select, textarea")) {
    const isDone = event.key === "Enter" || event.key === "Escape";
    if (isDone && bar.contains(target)) { current?.focus({ preventScroll: true }); event.preventDefault(); }
    return;
  }
  const name = meaning(event);
  if (name === "?") help.showModal();
  else if (event.repeat && !(name in ZOOM)) return;
  else if (name === "z" && !current) undo();
  else if (!accepts() || !act(name, target)) return;
  event.preventDefault();
});

bar.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if ("help" in button.dataset) help.showModal();
  else if ("undo" in button.dataset && !current) undo();
  else if (!accepts()) return;
  else if (button.dataset.label) pick(button.dataset.label);
  else if (button.dataset.action) decide(button.dataset.action);
  else if ("skip" in button.dataset) skip();
  else if ("undo" in button.dataset) undo();
});
stack.addEventListener("click", ({ target }) => { if (target.closest("[data-again]")) lookAgain(); });
stack.addEventListener("lifted", () => current?.focus({ preventScroll: true }));

/* Coming and going */

async function lookAgain() {
  await stock.fill();
  if (!current && !stock.isEmpty) await advance();
}

async function start() {
  const kept = sessionStorage.getItem(KEPT);
  if (kept) {
    try {
      await Promise.all([show(await received(await send(`/review/${encodeURIComponent(kept)}/claim`))), stock.fill()]);
      return;
    } catch (error) {
      if (error.status !== 409 && error.status !== 404) complain(error);
    }
  }
  await advance();
}

addEventListener("pagehide", () => stock.release());
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  if (current) regain();
  stock.fill();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && current && isOver(current)) regain();
});
setInterval(() => { if (!current && document.visibilityState === "visible") lookAgain(); }, AGAIN);
start();
