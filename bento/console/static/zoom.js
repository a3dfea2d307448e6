// <assay-zoom>: zoom and pan by wheel, keys (+ - 0 and arrows), drag and pinch.
const MOST = 12;
const STEP = 1.25;
const PAN = 60; // pixels an arrow key
const KEYS = { "+": "in", "=": "in", "-": "out", 0: "reset" };
const ARROWS = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };

class Zoom extends HTMLElement {
  connectedCallback() {
    this.canvas = this.querySelector(".canvas");
    this.pointers = new Map();
    this.reset();
    this.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("dblclick", () => this.reset());
    this.addEventListener("pointerdown", (event) => this.press(event));
    this.addEventListener("pointermove", (event) => this.drag(event));
    for (const type of ["pointerup", "pointercancel"]) this.addEventListener(type, (event) => this.lift(event));
    this.stage = this.closest("assay-overlay");
    this.stage?.addEventListener("click", (event) => {
      const action = event.target.closest("[data-zoom]")?.dataset.zoom;
      if (action) this.act(action);
    });
  }

  /** `in`, `out` or `reset`. */
  act(action) {
    if (action === "reset") return this.reset();
    return this.zoom(action === "in" ? STEP : 1 / STEP);
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.draw();
  }

  /** Scales by `factor` around a place on the screen, the middle if none is given. */
  zoom(factor, clientX, clientY) {
    const box = this.getBoundingClientRect();
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const left = (clientX ?? box.left + box.width / 2) - box.left - this.canvas.offsetLeft;
    const top = (clientY ?? box.top + box.height / 2) - box.top - this.canvas.offsetTop;
    this.x = left - ((left - this.x) * scale) / this.scale;
    this.y = top - ((top - this.y) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.draw();
  }

  /** The picture never leaves its frame. */
  draw() {
    const { offsetWidth: width, offsetHeight: height } = this.canvas;
    this.x = Math.min(0, Math.max(width * (1 - this.scale), this.x));
    this.y = Math.min(0, Math.max(height * (1 - this.scale), this.y));
    this.canvas.style.setProperty("transform", `translate(${this.x}px, ${this.y}px) scale(${this.scale})`);
    const level = this.closest("assay-overlay")?.querySelector("[data-zoom-level]");
    if (level) level.textContent = `${Math.round(100 * this.scale)}%`;
  }

  wheel(event) {
    if (!event.ctrlKey && this.scale === 1 && event.deltaY > 0) return; // let the page scroll
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in KEYS) this.act(KEYS[event.key]);
    else if (event.key in ARROWS && this.scale > 1) this.pan(...ARROWS[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  press(event) {
    this.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.classList.add("is-dragging");
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) this.pinch(before, event, other);
    else this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    this.pointers.set(event.pointerId, event);
  }

  pinch(before, now, other) {
    const span = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const middle = [(now.clientX + other.clientX) / 2, (now.clientY + other.clientY) / 2];
    this.zoom(span(now) / span(before), ...middle);
  }

  lift(event) {
    this.pointers.delete(event.pointerId);
    this.classList.toggle("is-dragging", this.pointers.size > 0);
  }
}

customElements.define("assay-zoom", Zoom);
