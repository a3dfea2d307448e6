// <assay-overlay>: one picture in several views, the heatmap over it as strong as the viewer likes,
// and the boxes of the finding that is pointed at.
const KEPT = "assay-heatmap-opacity";
const MOVES = { ArrowLeft: -1, ArrowRight: 1 };

class Overlay extends HTMLElement {
  connectedCallback() {
    this.tabs = [...this.querySelectorAll("[data-show]")];
    this.tabs.forEach((tab) => tab.addEventListener("click", () => this.show(tab.dataset.show)));
    this.querySelector("[role=tablist]")?.addEventListener("keydown", (event) => this.move(event));
    this.fade(this.querySelector("[data-opacity]"));
    this.light(this.closest("[data-detection]"));
  }

  show(view) {
    this.dataset.view = view;
    for (const tab of this.tabs) {
      const isShown = tab.dataset.show === view;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
    }
  }

  /** The view after the present one, round and round. */
  next(step = 1) {
    if (!this.tabs.length) return;
    const at = this.tabs.findIndex((tab) => tab.dataset.show === this.dataset.view);
    const tab = this.tabs.at((at + step) % this.tabs.length);
    this.show(tab.dataset.show);
    return tab;
  }

  move(event) {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    this.next(MOVES[event.key]).focus();
  }

  fade(slider) {
    if (!slider) return;
    slider.value = localStorage.getItem(KEPT) ?? slider.value;
    const set = () => this.style.setProperty("--opacity", slider.value / 100);
    slider.addEventListener("input", () => { set(); localStorage.setItem(KEPT, slider.value); });
    set();
  }

  light(card) {
    const toggle = (event, isLit) => {
      const id = event.target.closest?.("[data-regions]")?.dataset.regions;
      for (const group of this.querySelectorAll("[data-name]")) {
        group.classList.toggle("is-lit", isLit && group.dataset.name === id);
      }
    };
    for (const type of ["mouseover", "focusin"]) card?.addEventListener(type, (event) => toggle(event, true));
    for (const type of ["mouseout", "focusout"]) card?.addEventListener(type, (event) => toggle(event, false));
  }
}

customElements.define("assay-overlay", Overlay);
