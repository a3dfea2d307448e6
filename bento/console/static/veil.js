// <assay-veil data-veiled>: a blurred picture until the viewer asks for it, once or always.
const KEPT = "assay-show-graphic";

class Veil extends HTMLElement {
  connectedCallback() {
    if (!("veiled" in this.dataset)) return;
    if (localStorage.getItem(KEPT) === "always") this.lift();
    else this.cover();
  }

  cover() {
    const cover = Object.assign(document.createElement("div"), { className: "veil-cover" });
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Show image" });
    const always = Object.assign(document.createElement("input"), { type: "checkbox" });
    const label = document.createElement("label");
    label.append(always, " Always show graphic images on this device");
    cover.append("This image may be graphic.", button, label);
    button.addEventListener("click", () => {
      if (always.checked) localStorage.setItem(KEPT, "always");
      cover.remove();
      this.lift();
    });
    this.append(cover);
  }

  lift() {
    delete this.dataset.veiled;
  }
}

customElements.define("assay-veil", Veil);
