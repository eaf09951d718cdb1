// What is said about one take: first what is wrong with the recording, then how it came across, with
// how sure, why, and one thing to try.

import { button, el } from "./coach_dom.js";
import { interval } from "./coach_interval.js";
import { Picture, ZOOM } from "./coach_picture.js";
import { clock, number, say } from "./coach_words.js";

function problems(take, play) {
  const found = take.quality.problems;
  if (!found.length) return null;
  return el("div", { class: "note care problems" },
    el("h3", {}, say("result.problems")),
    found.map((p) => el("div", { class: "problem" },
      el("p", {}, el("strong", {}, p.message), p.remedy),
      Number.isFinite(p.start_s) && Number.isFinite(p.end_s)
        ? button(say("result.problem_play"), () => play(p.start_s, p.end_s), { class: "play" }) : null)),
    take.judgement ? null : el("p", {}, say("result.not_judged")));
}

function judged(take) {
  const told = take.judgement;
  if (!told) {
    return take.quality.problems.length || take.kind === "baseline"
      ? null : el("p", { class: "headline none" },
        say(take.no_baseline ? "result.no_baseline" : "result.no_verdict"));
  }
  const axes = ["sincere", "engaged"].filter((a) => told.axes && told.axes[a]);
  return el("div", { class: `judged ${told.verdict || "none"}` },
    el("p", { class: "kicker" }, say("result.judged")),
    el("p", { class: "headline" }, told.headline),
    told.uncertainty ? el("p", { class: "lead" }, told.uncertainty) : null,
    told.animation?.text ? el("p", { class: "lead animation" }, told.animation.text) : null,
    el("details", { class: "sure" }, el("summary", {}, say("result.how_sure")),
      el("div", { class: "halves axes" }, axes.map((a) => interval(a, told.axes[a]))),
      el("p", { class: "small" }, say("result.interval_note"))));
}

const told = (reason) => el("span", {}, reason.text, reason.toward
  ? el("span", { class: "small toward" }, say("result.toward", { side: reason.toward })) : null);

function reasons(take, play) {
  if (!take.judgement) return null;
  const found = (take.reasons || []).slice(0, 3);
  return el("div", { class: "reasons" },
    el("h3", {}, say("result.reasons")),
    found.length
      ? [el("p", { class: "small" }, say("result.reasons_hint")),
        el("ul", {}, found.map((r) => el("li", {},
          Number.isFinite(r.start_s) && Number.isFinite(r.end_s)
            ? button(told(r), () => play(r.start_s, r.end_s), { class: "play" })
            : told(r))))]
      : el("p", {}, say("result.no_reasons")));
}

function unknown(take) {
  if (!take.cannot_know?.length) return null;
  return el("details", { class: "unknown", open: true },
    el("summary", {}, say("result.cannot_know")),
    el("ul", {}, take.cannot_know.map((t) => el("li", {}, t))));
}

function legend(take) {
  const part = (cls, key) => el("li", {}, el("span", { class: `swatch ${cls}` }), say(`picture.${key}`));
  return el("ul", { class: "legend", "aria-hidden": "true" }, part("pitch", "pitch"),
    part("loudness", "loud"), part("waveform", "wave"),
    take.pauses.length ? part("pause", "pause") : null, take.range ? part("band", "range") : null);
}

const unitOf = (one) => say(`numbers.${one.name}_unit`);

/** Return one number, and beside it what is usual for this voice. */
function figure(one, practise) {
  const digits = one.digits ?? 1;
  const value = Number.isFinite(one.value)
    ? say("numbers.with_unit", { n: number(one.value, digits), unit: unitOf(one) }) : say("numbers.unknown");
  return el("div", {}, el("dt", {}, say(`numbers.${one.name}`)), el("dd", {}, value,
    Number.isFinite(one.usual) ? el("span", { class: "small usual" },
      say("numbers.usual", { n: number(one.usual, digits) })) : null,
    practise && Number.isFinite(one.low) ? button(say("goal.start"), () => practise(one),
      { class: "plain practise", "aria-label": say("goal.start_named", { what: say(`numbers.${one.name}`) }) }) : null));
}

function numbers(take, practise) {
  const { first = [], more = [] } = take.numbers || {};
  return el("section", { class: "numbers" }, el("h3", {}, say("numbers.title")),
    el("dl", {}, first.map((one) => figure(one, practise))),
    el("details", {}, el("summary", {}, say("numbers.more")),
      el("dl", {}, more.map((one) => figure(one)))));
}

function controls(take, player, picture) {
  const toggle = button("", () => player.toggle(), { class: "strong play-all" });
  const slow = button(say("picture.slow"), () => {
    const half = slow.getAttribute("aria-pressed") !== "true";
    slow.setAttribute("aria-pressed", String(half));
    player.slow(half);
  }, { "aria-pressed": "false", class: "slow" });
  const zoom = (word, doing) => button(say(`picture.${word}`), doing, { class: "zoom" });
  const seek = el("input", { type: "range", class: "seek", min: 0, step: 0.01,
    max: take.duration_s, "aria-label": say("picture.position"),
    oninput: () => player.seek(Number(seek.value)) });
  const where = el("span", { class: "number where" });
  const broken = el("p", { class: "note error", hidden: true }, say("picture.no_sound"));
  const show = () => {
    toggle.textContent = say(player.playing ? "picture.pause_playing" : "picture.play");
    if (document.activeElement !== seek || player.playing) seek.value = player.now;
    const text = say("picture.at", { now: clock(player.now, true), all: clock(take.duration_s, true) });
    where.textContent = text;
    seek.setAttribute("aria-valuetext", text);
    if (!player.playing && picture.marked && player.until === null && player.now >= picture.marked[1]) {
      picture.mark();
    }
  };
  player.addEventListener("change", show);
  player.addEventListener("broken", () => { broken.hidden = false; });
  show();
  return el("div", { class: "controls" }, toggle, slow,
    zoom("zoom_in", () => picture.zoom(ZOOM)), zoom("zoom_out", () => picture.zoom(1 / ZOOM)),
    seek, where, broken);
}

/** Return {node, picture, draw}: the card of a take; `draw` once it stands in the page. `extra` stands
 * below the advice, `practise(number)` begins an exercise. */
export function result(take, name, player, actions, about, { extra = null, practise = null } = {}) {
  const picture = take.voiced === false ? null : new Picture(take, player);
  const play = (from, to) => {
    // A place is heard with a little around it, so that its first sound is not cut.
    picture?.mark(from, to);
    player.play(Math.max(0, from - 0.1), Math.min(take.duration_s, to + 0.1));
  };
  const seen = () => [el("figure", {}, el("figcaption", { class: "unseen" }, say("picture.title")),
    el("div", { class: "titled slim" }, el("p", { class: "small axis-name" },
      say(take.range ? "picture.axis_usual" : "picture.axis_take")), picture.told),
    picture.node, legend(take)), controls(take, player, picture)];
  const node = el("section", { class: "card take", "aria-labelledby": "result-title" },
    el("div", { class: "titled" }, el("h2", { id: "result-title", tabindex: -1 }, name), actions),
    take.kind === "example" ? el("p", { class: "note" }, say("result.example_note")) : null,
    problems(take, play), judged(take),
    take.next ? el("div", { class: "note good next" },
      el("h3", {}, say("result.next")), el("p", { class: "lead" }, take.next)) : null,
    extra, picture ? seen() : null,
    reasons(take, play),
    picture && take.quality.ok ? numbers(take, practise) : null, unknown(take),
    take.judgement ? el("p", { class: "small" }, `${say("result.prediction")} ${about || ""}`) : null);
  return { node, picture, draw: () => picture?.draw(), close: () => picture?.close() };
}
