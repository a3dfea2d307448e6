// Check: each image goes to /v1/detect by itself, at most four at once; its card follows.
import { complain, parsed, request, send } from "./app.js";

const AT_ONCE = 4;
const waiting = [];
let running = 0;

const drop = document.getElementById("drop");
const files = document.getElementById("files");
const address = document.getElementById("address");
const stability = document.getElementById("stability");
const uploads = document.getElementById("uploads");
const cards = document.getElementById("cards");
const row = document.getElementById("upload-row");

function add(job) {
  const item = row.content.firstElementChild.cloneNode(true);
  item.querySelector("[data-name]").textContent = job.name;
  if (job.file) preview(item.querySelector("[data-preview]"), job.file);
  const chosen = { ...job, item, stability: stability.checked };
  item.querySelector("[data-retry]").addEventListener("click", () => enqueue(chosen));
  uploads.append(item);
  enqueue(chosen);
}

function preview(image, file) {
  image.src = URL.createObjectURL(file);
  image.hidden = false;
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
}

function enqueue(job) {
  tell(job.item, "Waiting", 0);
  waiting.push(job);
  pump();
}

function pump() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    const job = waiting.shift();
    run(job).catch((error) => fail(job, error)).finally(() => { running -= 1; pump(); });
  }
}

async function run(job) {
  tell(job.item, "Checking", null);
  const answer = await (job.file ? upload(job) : send("/v1/detect", { url: job.url, stability: job.stability }));
  const { id } = await answer.json();
  tell(job.item, "Loading the result", 90);
  const card = await request(`/detections/${encodeURIComponent(id)}/card`);
  cards.prepend(parsed(await card.text()));
  job.item.remove();
}

function upload({ file, stability }) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted");
  body.append("stability", stability);
  return request("/v1/detect", { method: "POST", body });
}

/** Progress in per cent; null while nobody knows. */
function tell(item, state, progress) {
  item.classList.remove("is-failed");
  item.querySelector("[data-state]").textContent = state;
  item.querySelector("[data-retry]").hidden = true;
  const bar = item.querySelector("progress");
  bar.hidden = false;
  if (progress === null) bar.removeAttribute("value");
  else bar.value = progress;
}

function fail(job, error) {
  const trace = error.requestId ? ` (request ${error.requestId})` : "";
  job.item.classList.add("is-failed");
  job.item.querySelector("[data-state]").textContent = error.message + trace;
  job.item.querySelector("[data-retry]").hidden = false;
  job.item.querySelector("progress").hidden = true;
}

function addAll(list) {
  const images = [...list].filter((file) => file.type.startsWith("image/") || !file.type);
  if (list.length && !images.length) complain({ message: "That is no image." });
  images.forEach((file) => add({ file, name: file.name || "Pasted image" }));
}

files.addEventListener("change", () => { addAll(files.files); files.value = ""; });
address.addEventListener("submit", (event) => {
  event.preventDefault();
  const { url } = address.elements;
  add({ url: url.value, name: url.value });
  url.value = "";
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) addAll(event.clipboardData.files); });
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("is-over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("is-over");
  addAll(event.dataTransfer.files);
});
