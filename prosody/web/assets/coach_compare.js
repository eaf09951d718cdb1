// Two takes side by side: lines over each other, what changed, and which sounded more sincere.

import uPlot from "/vendor/uPlot.esm.js";
import * as api from "./coach_api.js";
import { button, byId, el, put } from "./coach_dom.js";
import { axisFont, ink, onScheme } from "./coach_ink.js";
import { SECONDS, broken, middle, smoothed, span } from "./coach_picture.js";
import { Player } from "./coach_player.js";
import { nameOf } from "./coach_takes.js";
import { language, number, say } from "./coach_words.js";

/** Return a line of a take at given times; null where it has none. */
function at(take, values, times) {
  const { step_s, time_s } = take.lines;
  return times.map((t) => {
    const value = values[Math.round((t - (time_s[0] || 0)) / step_s)];
    return Number.isFinite(value) ? value : null;
  });
}

/** Return what is drawn: times of the first, and both lines of pitch and loudness at them. */
export function aligned(a, b, { a_time_s, b_time_s }) {
  // One speaker's takes keep their distance; an example by somebody else is moved to the same middle.
  const apart = a.kind !== b.kind;
  const midA = middle(a.lines.f0_st);
  const midB = apart ? middle(b.lines.f0_st) : midA;
  const less = (values, mid) => values.map((v) => (v === null ? null : v - mid));
  const top = (take) => Math.max(...take.lines.loudness_db.filter(Number.isFinite));
  const loudest = apart ? null : Math.max(top(a), top(b));
  return {
    apart,
    pitch: [a_time_s, less(at(a, broken(a.lines.f0_st), a_time_s), midA),
      less(at(b, broken(b.lines.f0_st), b_time_s), midB)],
    loud: [a_time_s, less(at(a, smoothed(a.lines.loudness_db), a_time_s), loudest ?? top(a)),
      less(at(b, smoothed(b.lines.loudness_db), b_time_s), loudest ?? top(b))],
  };
}

/** Return {node, draw, close} of two lines over one another. */
export function drawing(data, scale, label) {
  const node = el("div", { class: "overlay", role: "img", "aria-label": label });
  const colour = (name) => () => ink(name);
  let plot = null;
  const size = () => {
    const width = Math.max(240, node.clientWidth);
    return { width, height: scale.height(width) };
  };
  const draw = () => {
    plot = new uPlot({
      ...size(), legend: { show: false },
      cursor: { show: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: () => [data[0][0] || 0, data[0].at(-1) || 1] },
        y: { range: () => scale.range } },
      axes: [
        { stroke: colour("soft"), font: axisFont(), grid: { show: false }, size: 34, space: 60, incrs: SECONDS,
          ticks: { stroke: colour("line") },
          values: (_, v) => v.map((s) => say("page.seconds", { n: number(s, s % 1 ? 1 : 0) })) },
        { stroke: colour("soft"), font: axisFont(), size: 46, space: 32, incrs: scale.incrs,
          grid: { stroke: colour("line"), width: 1 }, ticks: { show: false },
          values: (_, v) => v.map((y) => (y > 0 ? "+" : "") + number(y, 0)) },
      ],
      series: [{},
        { scale: "y", stroke: colour("accent"), width: 3.5, points: { show: false } },
        { scale: "y", stroke: colour("other"), width: 3, dash: [9, 5], points: { show: false } }],
    }, data, node);
  };
  const watch = new ResizeObserver(() => {
    const next = size();
    if (plot && (next.width !== plot.width || next.height !== plot.height)) plot.setSize(next);
  });
  const stop = onScheme(() => plot?.redraw());
  return { node, draw: () => { draw(); watch.observe(node); },
    close: () => { watch.disconnect(); stop(); plot?.destroy(); } };
}

function changes(found) {
  if (!found.length) return el("p", {}, say("compare.no_changes"));
  return el("ul", { class: "changes" }, found.map((c) => el("li", { class: c.noticeable ? "much" : "slight" },
    el("span", {}, c.text), c.toward ? `; ${say("result.toward", { side: c.toward })}. ` : " ",
    el("span", { class: "small" }, say(c.noticeable ? "compare.noticeable" : "compare.slight")))));
}

export class Compare {
  constructor(failed) {
    Object.assign(this, { failed, chosen: [null, null], open: [], players: [], asked: null, touched: false });
  }

  /** Show for these takes; the last two are compared until somebody chooses others. */
  async show(all) {
    const known = (id) => all.some((t) => t.id === id);
    const place = byId("compare");
    place.hidden = all.length < 2;
    this.all = all;
    if (all.length < 2) {
      this.forget();
      return;
    }
    if (!this.touched || !this.chosen.every(known)) {
      // An example is what one imitates: it comes first, and the newest take second.
      const takes = all.filter((t) => t.kind !== "example");
      const example = all.filter((t) => t.kind === "example").at(-1);
      const last = takes.at(-1) || all.at(-1);
      const before = takes.length > 1 ? takes.at(-2) : example && example !== last ? example : all.at(-2);
      this.chosen = [before.id, last.id];
      this.touched = false;
    }
    await this.draw();
  }

  choice(which, label) {
    return el("div", { class: "field" }, el("label", { for: `compare-${which}` },
      el("span", { class: `swatch ${which ? "second" : "pitch"}` }), label),
      el("select", { id: `compare-${which}`, onchange: (event) => {
        this.chosen[which] = event.target.value;
        this.touched = true;
        this.draw().then(() => byId(`compare-${which}`)?.focus());
      } }, this.all.map((t) => {
        const option = el("option", { value: t.id }, nameOf(t, this.all));
        option.selected = t.id === this.chosen[which];
        return option;
      })));
  }

  async draw() {
    this.close();
    const place = byId("compare");
    const body = el("div", { class: "body", "aria-live": "polite" });
    put(place, el("h2", { id: "compare-title" }, say("compare.title")),
      el("div", { class: "halves" }, this.choice(0, say("compare.first")), this.choice(1, say("compare.second"))),
      body);
    const [a, b] = this.chosen.map((id) => this.all.find((t) => t.id === id));
    if (a === b) {
      put(body, el("p", {}, say("compare.same")));
      return;
    }
    put(body, el("p", { class: "small" }, el("span", { class: "wait" }), " ", say("compare.wait")));
    this.asked = new AbortController();
    try {
      const told = await api.compare(a.id, b.id, language(), { signal: this.asked.signal });
      this.fill(body, a, b, told);
    } catch (error) {
      if (error.name === "AbortError") return;
      put(body, el("p", {}, error.message || ""), error.remedy ? el("p", {}, error.remedy) : null);
      this.failed(error);
    }
  }

  fill(body, a, b, told) {
    const names = { a: nameOf(a, this.all), b: nameOf(b, this.all) };
    const data = aligned(a, b, told.aligned);
    const pitch = drawing(data.pitch, {
      range: span([...data.pitch[1], ...data.pitch[2]]), incrs: [1, 2, 3, 4, 6, 12],
      height: (w) => (w < 520 ? 210 : 260) }, say("compare.label", names));
    const loud = drawing(data.loud, { range: [-42, 3], incrs: [10, 20],
      height: () => 130 }, say("compare.label_loud", names));
    this.open = [pitch, loud];
    const verdict = told.verdict;
    put(body,
      verdict ? el("div", { class: "verdict" }, el("p", { class: "headline" }, verdict.text),
        verdict.which && Number.isFinite(verdict.p)
          ? el("p", { class: "small" }, say("compare.sure", { p: number(100 * verdict.p, 0) })) : null) : null,
      el("h3", {}, say("compare.changes")), changes(told.changes || []),
      el("h3", {}, say("compare.pitch")),
      el("p", { class: "small axis-name" }, say(data.apart ? "compare.axis_each" : "compare.axis_same")),
      pitch.node,
      el("h3", {}, say("compare.loud")), el("p", { class: "small axis-name" }, say("compare.axis_loud")),
      loud.node, el("p", { class: "small" }, say("compare.lead")), this.listen(a, b, names));
    for (const one of this.open) one.draw();
  }

  listen(a, b, names) {
    const [first, second] = [a, b].map((t) => new Player(api.soundOf(t.id), "none"));
    this.players = [first, second];
    let run = 0;
    const slow = button(say("picture.slow"), () => {
      const half = slow.getAttribute("aria-pressed") !== "true";
      slow.setAttribute("aria-pressed", String(half));
      for (const p of this.players) p.slow(half);
    }, { "aria-pressed": "false" });
    const only = (player) => () => { run += 1; player.play(0); };
    return el("div", { class: "buttons hear" },
      button(say("compare.hear", { name: names.a }), only(first)),
      button(say("compare.hear", { name: names.b }), only(second)),
      button(say("compare.hear_both"), async () => {
        run += 1;
        const mine = run;
        await first.play(0);
        await first.ended();
        if (mine === run && first.audio.ended) await second.play(0);
      }), slow,
      button(say("compare.stop"), () => { run += 1; for (const p of this.players) p.stop(); }));
  }

  forget() {
    this.close();
    this.touched = false;
    byId("compare").hidden = true;
    put(byId("compare"));
  }

  close() {
    this.asked?.abort();
    for (const one of this.open) one.close();
    for (const one of this.players) one.close();
    this.open = [];
    this.players = [];
  }
}
