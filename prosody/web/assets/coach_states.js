// What is said when something is not as it should be, and when there is nothing yet.

import { button, byId, el, put, svg } from "./coach_dom.js";
import { say } from "./coach_words.js";

/** Say something to a screen reader. */
export function announce(text) {
  const place = byId("said");
  // The same text twice would be read once only.
  put(place);
  requestAnimationFrame(() => put(place, text));
}

/** Return a note: a bold line, what to do, and buttons. */
export function note(kind, title, lines = [], ...buttons) {
  return el("div", { class: `note ${kind}` }, el("strong", {}, title),
    lines.filter(Boolean).map((line) => el("p", {}, line)),
    buttons.length ? el("div", { class: "buttons" }, buttons) : null);
}

const PASSING_MS = 6000;
const STAYS = ["gone", "session"];

/** Put a small note over the page under a name; a second one of that name replaces it. It goes at the
 * next thing somebody does, and by itself where nothing has to be done about it. */
export function tell(name, made) {
  untell(name);
  const place = byId("notes");
  made.dataset.note = name;
  if (made.classList.contains("error")) made.setAttribute("role", "alert");
  else setTimeout(() => made.remove(), PASSING_MS);
  if (!STAYS.includes(name)) {
    made.append(button(say("page.close"), () => made.remove(), { class: "plain dismiss" }));
  }
  place.prepend(made);
}

function acted({ target }) {
  for (const old of byId("notes").children) {
    if (!STAYS.includes(old.dataset.note) && !old.contains(target)) old.remove();
  }
}
addEventListener("pointerdown", acted);
addEventListener("keydown", acted);

export function untell(name) {
  for (const old of byId("notes").querySelectorAll(`[data-note="${name}"]`)) old.remove();
}

function drawn(...parts) {
  return svg("svg", { class: "drawing", viewBox: "0 0 120 70", "aria-hidden": "true", fill: "none",
    stroke: "currentColor", "stroke-width": 4, "stroke-linecap": "round" }, parts);
}

const bars = (heights) => heights.map((h, i) =>
  svg("line", { x1: 14 + 11 * i, x2: 14 + 11 * i, y1: 35 - h, y2: 35 + h }));

/** Return the empty place where a result will stand. */
export function empty() {
  return el("section", { class: "card state" },
    drawn(bars([4, 12, 22, 14, 26, 18, 8, 15, 6]),
      svg("path", { d: "M12 44 C 30 10, 46 52, 62 24 S 96 40, 108 30", class: "line" })),
    el("h2", {}, say("empty.title")), el("p", {}, say("empty.text")));
}

/** Return what stands there while the take is heard. */
export function waiting() {
  return el("section", { class: "card state", "aria-busy": "true" },
    el("span", { class: "wait" }), el("p", { class: "lead" }, say("record.wait")));
}

/** Return why there is no microphone, and how to get it. */
export function blocked(why, retry) {
  const values = { port: location.port || (location.protocol === "https:" ? 443 : 80) };
  const again = why === "insecure" || why === "unsupported" ? []
    : [button(say("blocked.retry"), retry, { class: "strong" })];
  const made = note("error", say(`blocked.${why}_title`),
    [say(`blocked.${why}`), say(`blocked.${why}_how`, values)], ...again);
  made.prepend(svg("svg", { class: "drawing mic", viewBox: "0 0 60 70", "aria-hidden": "true",
    fill: "none", stroke: "currentColor", "stroke-width": 4, "stroke-linecap": "round" },
    svg("rect", { x: 20, y: 6, width: 20, height: 34, rx: 10 }),
    svg("path", { d: "M10 30 a20 20 0 0 0 40 0 M30 50 v12 M20 62 h20 M6 66 L54 4" })));
  made.dataset.blocked = why;
  made.setAttribute("role", "alert");
  return made;
}
