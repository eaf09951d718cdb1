// One impression as a scale with its likely stretch: never a mark without how sure it is.

import { el, svg } from "./coach_dom.js";
import { number, say } from "./coach_words.js";

const SPAN = 2; // standard deviations of listeners' ratings to either side; beyond is drawn at the end

const at = (value) => (100 * (Math.min(SPAN, Math.max(-SPAN, value)) + SPAN)) / (2 * SPAN);

/** Return the drawing of `axis` (`sincere` or `engaged`) with {rating, low, high}. */
export function interval(axis, { rating, low, high }) {
  const title = say(`result.${axis}`);
  const lowEnd = say(`result.${axis}_low`);
  const highEnd = say(`result.${axis}_high`);
  const label = say("result.interval", { axis: title, low: number(low, 1), high: number(high, 1),
    best: number(rating, 1), low_end: lowEnd, high_end: highEnd });
  const line = (cls, x1, x2, y1 = 20, y2 = 20) =>
    svg("line", { class: cls, x1: `${x1}%`, x2: `${x2}%`, y1, y2 });
  return el("div", { class: "axis" },
    svg("svg", { class: "interval", role: "img", "aria-label": label },
      line("rail", 0, 100), line("middle", 50, 50, 4, 36),
      line("likely", at(low), Math.max(at(high), at(low) + 0.5)), line("best", at(rating), at(rating), 8, 32)),
    el("p", { class: "ends", "aria-hidden": "true" }, el("span", {}, lowEnd), el("span", {}, highEnd)));
}
