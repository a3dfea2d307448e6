// What all pages share: requests that carry the CSRF token, toasts, and the elements of the card.
import "./overlay.js";
import "./zoom.js";
import "./compare.js";
import "./veil.js";

const SHOWN_FOR = 6000; // milliseconds

/** The answer of our own server; throws an Error with its words, code and request id. */
export async function request(url, options = {}) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "X-CSRF-Token": token, ...options.headers };
  const answer = await fetch(url, { credentials: "same-origin", ...options, headers });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const error = new Error(told.error || `The server answered ${answer.status}.`);
  throw Object.assign(error, { status: answer.status, code: told.code, requestId: told.request_id });
}

/** POST of a JSON body. */
export function send(url, body = {}, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return request(url, { method: "POST", headers, body: JSON.stringify(body), ...options });
}

/** The elements of a fragment that our own server rendered. */
export function parsed(html) {
  return document.createRange().createContextualFragment(html);
}

/** Tells something in the corner, with at most one button; `action` is `{title, run}`. */
export function toast(message, { tone = "plain", action } = {}) {
  const box = document.createElement("div");
  box.className = `toast tone-${tone}`;
  box.append(Object.assign(document.createElement("span"), { textContent: message }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: action.title });
    button.addEventListener("click", () => { box.remove(); action.run(); });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), SHOWN_FOR);
}

/** Tells an error with what support needs to find it. */
export function complain(error) {
  const trace = error.requestId ? ` (request ${error.requestId})` : "";
  toast(`${error.message}${trace}`, { tone: "error" });
}

document.addEventListener("htmx:responseError", (event) => {
  let told = {};
  try { told = JSON.parse(event.detail.xhr.responseText); } catch { /* not of our making */ }
  complain({ message: told.error || "The server did not accept that.", requestId: told.request_id });
});
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached.", { tone: "error" }));
