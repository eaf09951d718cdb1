// What is said about one take: first what is wrong with the recording, then how it came across, with
// how sure, why, and one thing to try.

import { button, el } from "./coach_dom.js";
import { interval } from "./coach_interval.js";
import { Picture } from "./coach_picture.js";
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
      ? null : el("p", { class: "headline none" }, say("result.no_verdict"));
  }
  const axes = ["sincere", "engaged"].filter((a) => told.axes && told.axes[a]);
  return el("div", { class: `judged ${told.verdict || "none"}` },
    el("p", { class: "kicker" }, say("result.judged")),
    el("p", { class: "headline" }, told.headline),
    told.uncertainty ? el("p", { class: "lead" }, told.uncertainty) : null,
    el("div", { class: "halves axes" }, axes.map((a) => interval(a, told.axes[a]))),
    el("p", { class: "small" }, say("result.interval_note")));
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

function numbers(take) {
  const { pace, quality } = take;
  const voiced = take.measures?.pitch_range_st;
  const known = (value, text) => (Number.isFinite(value) ? text() : say("numbers.unknown"));
  const row = (key, value, text) =>
    el("div", {}, el("dt", {}, say(`numbers.${key}`)), el("dd", {}, known(value, text)));
  const seconds = (v) => say("page.seconds", { n: number(v, 1) });
  return el("section", { class: "numbers" }, el("h3", {}, say("numbers.title")), el("dl", {},
    row("length", take.duration_s, () => seconds(take.duration_s)),
    row("speech", pace?.speech_s, () => seconds(pace.speech_s)),
    row("pace", pace?.syllables_per_s,
      () => say("numbers.pace_unit", { n: number(pace.syllables_per_s, 1) })),
    row("pauses", pace?.pauses, () => number(pace.pauses, 0)),
    Number.isFinite(voiced)
      ? row("pitch", voiced, () => say("numbers.pitch_unit", { n: number(voiced, 1) })) : null,
    row("noise", quality.snr_db, () => say("numbers.noise_unit", { n: number(quality.snr_db, 0) }))));
}

function controls(take, player, picture) {
  const toggle = button("", () => player.toggle(), { class: "strong play-all" });
  const slow = button(say("picture.slow"), () => {
    const half = slow.getAttribute("aria-pressed") !== "true";
    slow.setAttribute("aria-pressed", String(half));
    player.slow(half);
  }, { "aria-pressed": "false", class: "slow" });
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
  return el("div", { class: "controls" }, toggle, slow, seek, where, broken);
}

/** Return {node, picture, draw}: the card of a take; `draw` once it stands in the page. */
export function result(take, name, player, actions, about) {
  const picture = new Picture(take, player);
  const play = (from, to) => {
    // A place is heard with a little around it, so that its first sound is not cut.
    picture.mark(from, to);
    player.play(Math.max(0, from - 0.1), Math.min(take.duration_s, to + 0.1));
  };
  const axis = el("p", { class: "small axis-name" },
    say(take.range ? "picture.axis_usual" : "picture.axis_take"));
  const node = el("section", { class: "card take", "aria-labelledby": "result-title" },
    el("div", { class: "titled" }, el("h2", { id: "result-title", tabindex: -1 }, name), actions),
    take.kind === "example" ? el("p", { class: "note" }, say("result.example_note")) : null,
    problems(take, play), judged(take),
    take.next ? el("div", { class: "note good next" },
      el("h3", {}, say("result.next")), el("p", { class: "lead" }, take.next)) : null,
    el("figure", {}, el("figcaption", { class: "unseen" }, say("picture.title")), axis,
      picture.node, legend(take)),
    controls(take, player, picture),
    reasons(take, play),
    numbers(take), unknown(take),
    take.judgement ? el("p", { class: "small" }, `${say("result.prediction")} ${about || ""}`) : null);
  return { node, picture, draw: () => picture.draw(), close: () => picture.close() };
}
