// The sliders of one clip: unset until somebody moves them, and what is still missing.
import { byId, el, put } from "./coach_dom.js";
import { say } from "./coach_words.js";

const AXES = ["sincere", "engaged"];
const STEP = 5;

export class Form extends EventTarget {
  constructor() {
    super();
    this.scales = new Map();
    byId("deaf").addEventListener("change", () => this.changed());
    byId("remark").addEventListener("input", () => this.changed());
  }

  /** Make the sliders, or the choice between two; the answers given so far stay. */
  make(items, pairs) {
    this.pairs = pairs;
    if (pairs) {
      this.choice();
      return;
    }
    const before = new Map([...this.scales].map(([name, s]) => [name, s.set ? s.input.value : null]));
    this.items = items;
    this.scales.clear();
    const main = AXES.map((name) => this.scale(name, "rate"));
    const more = items.map((name) => this.scale(name, "item"));
    put(byId("scales"), main, more.length ? el("h3", {}, say("item.heading")) : null, more);
    for (const [name, value] of before) if (value !== null) this.put(name, Number(value));
  }

  /** Make the choice: one scale, whose input is the button that was chosen, or the first. */
  choice() {
    const before = this.chosen;
    this.scales.clear();
    const both = ["a", "b"].map((value) => el("input", { type: "radio", name: "chosen", id: `chosen-${value}`,
      value, onchange: () => { byId("deaf").checked = false; this.changed(); } }));
    put(byId("scales"), el("div", { class: "choice" }, both.map((input, i) => el("label", { for: input.id }, input,
      say(i ? "rate.second" : "rate.first"), el("span", { class: "key", "aria-hidden": "true" }, String(i + 1))))));
    this.choose(before);
  }

  get chosen() {
    return document.querySelector("[name=chosen]:checked")?.value || null;
  }

  choose(value) {
    for (const one of document.querySelectorAll("[name=chosen]")) one.checked = one.value === value;
  }

  scale(name, table) {
    const id = `scale-${name}`;
    const input = el("input", { type: "range", id, min: 0, max: 100, step: 1, value: 50 });
    const node = el("div", { class: table === "item" ? "scale item unset" : "scale unset" },
      el("label", { for: id }, say(`${table}.${name}`)), input,
      el("div", { class: "ends", "aria-hidden": "true" },
        el("span", {}, say(`${table}.${name}_low`)), el("span", {}, say(`${table}.${name}_high`))));
    const scale = { node, input, set: false };
    this.scales.set(name, scale);
    this.say(scale);
    input.addEventListener("input", () => this.moved(name));
    input.addEventListener("pointerup", () => { if (!input.disabled) this.moved(name); });
    input.addEventListener("keydown", (event) => this.key(event, name));
    return node;
  }

  key(event, name) {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { input } = this.scales.get(name);
    input.value = String(Number(input.value) + by * (event.shiftKey ? 1 : STEP));
    this.moved(name);
  }

  moved(name) {
    const scale = this.scales.get(name);
    scale.set = true;
    scale.node.classList.remove("unset");
    this.say(scale);
    if (byId("deaf").checked) byId("deaf").checked = false;
    this.changed();
  }

  say(scale) {
    scale.input.setAttribute("aria-valuetext",
      scale.set ? say("rate.value", { value: scale.input.value }) : say("rate.unset"));
  }

  put(name, value) {
    const scale = this.scales.get(name);
    if (!scale) return;
    scale.input.value = String(value);
    scale.set = true;
    scale.node.classList.remove("unset");
    this.say(scale);
  }

  /** Show an answer, or none. */
  show(answer) {
    if (this.pairs) this.choose(answer && answer.chosen);
    for (const scale of this.scales.values()) {
      scale.input.value = "50";
      scale.set = false;
      scale.node.classList.add("unset");
      this.say(scale);
    }
    byId("deaf").checked = Boolean(answer && answer.cannot_hear);
    byId("remark").value = (answer && answer.remark) || "";
    byId("remark-box").open = Boolean(answer && answer.remark);
    if (answer && !answer.cannot_hear && !this.pairs) {
      for (const name of AXES) if (answer[name] !== null) this.put(name, answer[name]);
      for (const [name, value] of Object.entries(answer.items || {})) this.put(name, value);
    }
  }

  lock(locked) {
    byId("sliders").disabled = locked;
  }

  get deaf() {
    return byId("deaf").checked;
  }

  /** The first slider that was not moved, or null. */
  get missing() {
    if (this.deaf) return null;
    if (this.pairs) return this.chosen ? null : this.first();
    return [...this.scales.values()].find((s) => !s.set)?.input || null;
  }

  first() {
    return this.pairs ? byId(`chosen-${this.chosen || "a"}`) : this.scales.get(AXES[0]).input;
  }

  value() {
    const remark = byId("remark").value.trim();
    if (this.deaf) return { cannot_hear: true, remark };
    if (this.pairs) return { chosen: this.chosen, cannot_hear: false, remark };
    const of = (name) => Number(this.scales.get(name).input.value);
    return {
      sincere: of("sincere"), engaged: of("engaged"), cannot_hear: false, remark,
      items: Object.fromEntries(this.items.map((name) => [name, of(name)])),
    };
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
