// <assay-compare>: two aligned pictures under one slider, by range input, pointer or arrow keys.
class Compare extends HTMLElement {
  connectedCallback() {
    this.slider = this.querySelector("input[type=range]");
    this.pair = this.querySelector(".pair");
    this.slider.addEventListener("input", () => this.split());
    this.pair.addEventListener("pointerdown", (event) => {
      this.pair.setPointerCapture(event.pointerId);
      this.follow(event);
    });
    this.pair.addEventListener("pointermove", (event) => { if (event.buttons) this.follow(event); });
    this.split();
  }

  follow(event) {
    const { left, width } = this.pair.getBoundingClientRect();
    this.slider.value = (100 * (event.clientX - left)) / width;
    this.split();
  }

  split() {
    this.style.setProperty("--split", `${this.slider.value}%`);
  }
}

customElements.define("assay-compare", Compare);
