// The agreed examples, at hand all the time; and the one that the volume is set with.
import * as api from "./rate_api.js";
import { byId, button, el, put } from "./coach_dom.js";
import { say } from "./coach_words.js";
import { Sound } from "./rate_sound.js";

const NAMES = "ABCD";

export class Examples {
  constructor() {
    this.sound = new Sound();
    this.anchors = [];
    this.now = null;
    this.blobs = new Map();
    const dialog = byId("examples");
    byId("examples-open").addEventListener("click", () => {
      this.draw();
      dialog.showModal();
    });
    byId("volume-play").addEventListener("click", () => this.play(0));
    byId("examples-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.sound.stop());
    this.sound.addEventListener("change", () => this.mark());
  }

  take(anchors) {
    this.anchors = anchors;
    byId("volume").hidden = !anchors.length;
    this.draw();
  }

  /** Show or hide the button in the head of the page. */
  offer(on) {
    byId("examples-open").hidden = !on || !this.anchors.length;
  }

  draw() {
    const agreed = this.anchors.some((a) => a.label || a.sincere !== null || a.engaged !== null);
    byId("examples-text").textContent = say(agreed ? "examples.agreed" : "examples.chosen");
    put(byId("examples-list"), this.anchors.map((a) => el("li", {},
      button(say("examples.play", { name: NAMES[a.n] }), () => this.play(a.n), { "data-n": a.n }),
      this.told(a))));
    this.mark();
  }

  told(anchor) {
    const said = ["sincere", "engaged"].filter((axis) => anchor[axis] !== null).map((axis) =>
      say("examples.place", { low: say(`rate.${axis}_low`), high: say(`rate.${axis}_high`),
        value: Math.round(anchor[axis]) }));
    const lines = [anchor.label, ...said].filter(Boolean);
    return lines.length ? el("p", { class: "agreed small" },
      lines.map((line, i) => [i ? el("br") : null, line])) : null;
  }

  mark() {
    byId("volume-play").setAttribute("aria-pressed", String(this.sound.playing && this.now === 0));
    for (const node of byId("examples-list").querySelectorAll("button")) {
      const on = this.sound.playing && Number(node.dataset.n) === this.now;
      node.setAttribute("aria-pressed", String(on));
    }
  }

  async play(n) {
    if (this.sound.playing && this.now === n) {
      this.sound.stop();
      return;
    }
    try {
      if (!this.blobs.has(n)) this.blobs.set(n, await api.anchor(n));
    } catch (error) {
      byId("said").textContent = say("rate.no_sound");
      return;
    }
    this.now = n;
    this.sound.load(this.blobs.get(n));
    await this.sound.play();
  }
}
