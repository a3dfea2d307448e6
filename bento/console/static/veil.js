// <assay-veil data-veiled="remember|always">: a blurred picture until the viewer asks for it, once,
// or (remember) for all that follow in this browser.
const KEPT = "assay-show-graphic";

class Veil extends HTMLElement {
  connectedCallback() {
    this.isKept ??= this.dataset.veiled === "remember";
    if (!this.isCovered || this.querySelector(".veil-cover")) return;
    if (this.isKept && localStorage.getItem(KEPT) === "always") this.lift();
    else this.cover();
  }

  get isCovered() {
    return "veiled" in this.dataset;
  }

  /** Blurs or shows; `isForAll` keeps that for what follows, where that is allowed. */
  toggle({ isForAll = false } = {}) {
    if (isForAll && this.isKept) localStorage.setItem(KEPT, this.isCovered ? "always" : "once");
    if (this.isCovered) this.lift();
    else this.cover();
  }

  cover() {
    this.dataset.veiled ??= "";
    const cover = Object.assign(document.createElement("div"), { className: "veil-cover" });
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Show image" });
    const always = Object.assign(document.createElement("input"), { type: "checkbox" });
    const label = document.createElement("label");
    label.append(always, " Always show graphic images on this device");
    cover.append("This image may be graphic.", button);
    if (this.isKept) cover.append(label);
    button.addEventListener("click", () => this.toggle({ isForAll: always.checked }));
    this.append(cover);
  }

  lift() {
    delete this.dataset.veiled;
    this.querySelector(".veil-cover")?.remove();
    this.dispatchEvent(new Event("lifted", { bubbles: true }));
  }
}

customElements.define("assay-veil", Veil);
