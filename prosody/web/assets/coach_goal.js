// Three takes towards one goal: a number within the own usual range, or near a version that was heard.

import { button, byId, el, put } from "./coach_dom.js";
import { number, say } from "./coach_words.js";

const TRIES = 3;

/** Return the number of that name of a take. */
export function numberOf(take, name) {
  const found = take.numbers?.first.find((one) => one.name === name);
  return found && Number.isFinite(found.value) ? found : null;
}

export class Goal {
  constructor() {
    this.goal = null;
  }

  /** Begin: `name` of the number, from `low` to `high`; `what` is said of a version to imitate. */
  begin({ name, low, high, digits = 1, what = null, from = null }) {
    this.goal = { name, low, high, digits, what, from };
    this.tries = [];
    this.draw();
  }

  stop() {
    this.goal = null;
    this.draw();
  }

  /** Take in a new take. */
  add(take, called) {
    if (!this.goal || take.kind !== "take") return;
    if (this.tries.length >= TRIES) return;
    this.tries.push({ called, value: numberOf(take, this.goal.name)?.value ?? NaN });
    this.draw();
  }

  away(value) {
    const { low, high } = this.goal;
    return value < low ? low - value : value > high ? value - high : 0;
  }

  /** Say how one try went. */
  said({ value }, before) {
    if (!Number.isFinite(value)) return say("goal.unknown");
    const { name, low, high, digits, what } = this.goal;
    const values = { n: number(value, digits), low: number(low, digits), high: number(high, digits),
      unit: say(`numbers.${name}_unit`) };
    if (this.away(value) === 0) return say(what ? "goal.like" : "goal.within", values);
    const side = value < low ? "low" : "high";
    const nearer = Number.isFinite(before) && this.away(value) < this.away(before);
    return say(`goal.${nearer ? "nearer" : "not_yet"}_${side}`, values);
  }

  draw() {
    const place = byId("goal");
    place.hidden = !this.goal;
    if (!this.goal) {
      put(place);
      return;
    }
    const { name, low, high, digits, what, from } = this.goal;
    const values = { low: number(low, digits), high: number(high, digits), unit: say(`numbers.${name}_unit`),
      what: what || "" };
    const told = this.tries.map((one, i) => {
      const before = i ? this.tries[i - 1].value : from;
      return el("li", { class: this.away(one.value) === 0 ? "reached" : null },
        el("strong", {}, one.called), ": ", this.said(one, before));
    });
    const reached = this.tries.some((one) => this.away(one.value) === 0);
    const over = reached || this.tries.length >= TRIES;
    put(place,
      el("h2", { id: "goal-title" }, say("goal.title", { what: what || say(`numbers.${name}`) })),
      el("p", {}, say(what ? "goal.aim_like" : "goal.aim", values)),
      told.length ? el("ol", { class: "tries", "aria-live": "polite" }, told) : null,
      el("p", { class: "small" }, over ? say(reached ? "goal.reached" : "goal.over")
        : say("goal.left", { n: TRIES - this.tries.length })),
      el("div", { class: "buttons" },
        over && !reached ? button(say("goal.again"), () => this.begin(this.goal)) : null,
        button(say(over ? "goal.close" : "goal.stop"), () => this.stop(), { class: "plain" })));
  }
}
