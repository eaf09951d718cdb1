// The picture of one take: waveform, and over it the lines of pitch and loudness, with pauses, the
// speaker's usual range, the words, the place of a reason, and where the sound is now. The pointer
// reads pitch off; dragging over a stretch zooms in.

import uPlot from "/vendor/uPlot.esm.js";
import { el } from "./coach_dom.js";
import { axisFont, ink, onScheme } from "./coach_ink.js";
import { wave } from "./coach_wave.js";
import { number, say } from "./coach_words.js";

const LOUD_SPAN_DB = 45; // below the loudest frame there is nothing a listener hears
const LOUD_SHARE = 0.5; // of the height, from below: the line of pitch has room above it
export const SECONDS = [0.2, 0.5, 1, 2, 5, 10, 20]; // steps of the time axis
const JUMP_ST = 6;
const REFERENCE_HZ = 27.5; // semitones are counted from here
export const ZOOM = 2.5;
const SHORTEST_S = 0.4; // that is looked at
const ROWS = 3; // of words, where they are wider than what was said
const SMOOTH = 3; // frames to either side, for the eye only

const finite = (values) => values.filter((v) => v !== null && Number.isFinite(v));

/** Return the middle of the voiced frames in semitones, NaN without any. */
export function middle(values) {
  const sorted = finite(values).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
}

/** Return the zero of the pitch axis: the speaker's usual pitch, else the middle of the take. */
export function zero(take) {
  return take.range ? take.range.mid_st : middle(take.lines.f0_st);
}

function share(values, low, high) {
  const sorted = finite(values).sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return sorted.length ? [at(low), at(high)] : [NaN, NaN];
}

/** Return a line of pitch that is broken where it jumps: no voice glides half an octave in 10 ms. */
export function broken(values) {
  return values.map((v, i) => (i && v !== null && values[i - 1] !== null
    && Math.abs(v - values[i - 1]) > JUMP_ST ? null : v));
}

/** Return the semitones that the axis spans: all but the odd jump of the tracker, at least an octave. */
export function span(relative, extra = []) {
  const [low, high] = share(relative, 0.01, 0.99);
  const all = finite([low, high, ...extra]);
  const bottom = Math.min(-5, Math.floor(Math.min(...all) - 1));
  const top = Math.max(5, Math.ceil(Math.max(...all) + 1));
  return [bottom, top];
}

/** Return loudness without its ripple: what a moving mean over 70 ms leaves. */
export function smoothed(values) {
  return values.map((_, i) => {
    const near = finite(values.slice(Math.max(0, i - SMOOTH), i + SMOOTH + 1));
    return near.length ? near.reduce((a, b) => a + b) / near.length : null;
  });
}

/** Return pitch as a difference and as a frequency. */
export function readout(st, base) {
  const hz = REFERENCE_HZ * 2 ** (st / 12);
  const off = st - base;
  return say("picture.readout", { st: (off > 0 ? "+" : "") + number(off, 1), hz: number(hz, 0) });
}

/** Say in words what the picture shows. */
export function described(take) {
  const mid = zero(take);
  const [low, high] = share(take.lines.f0_st, 0.05, 0.95);
  if (!Number.isFinite(mid)) return say("picture.no_pitch");
  return say("picture.label", {
    seconds: number(take.duration_s, 1), low: number(low - mid, 0), high: number(high - mid, 0),
    middle: say(take.range ? "picture.middle_usual" : "picture.middle_take"),
    pauses: take.pauses.length,
  });
}

export class Picture {
  constructor(take, player) {
    Object.assign(this, { take, player, marked: null, view: [0, take.duration_s] });
    this.node = el("div", { class: "picture", role: "img", "aria-label": described(take) });
    this.words = el("div", { class: "words", "aria-hidden": "true" });
    this.told = el("p", { class: "small number readout" });
    this.base = zero(take);
    this.pitch = broken(take.lines.f0_st).map((v) => (v === null ? null : v - this.base));
    this.waiting = [];
  }

  /** Draw; the node has to be in the page, for its width is needed. */
  draw() {
    this.clip = el("div", { class: "wave-clip" });
    this.node.append(this.clip);
    this.wave = wave(this.clip, this.player.audio, this.take.lines.peaks, this.take.duration_s,
      ink("wave"));
    this.plot = new uPlot(this.options(), this.data(), this.node);
    this.node.append(this.words);
    const over = this.plot.over;
    over.addEventListener("click", (event) => {
      const x = event.clientX - over.getBoundingClientRect().left;
      this.player.seek(Math.max(0, this.plot.posToVal(x, "x")));
    });
    over.addEventListener("dblclick", () => this.look(0, this.take.duration_s));
    this.head = el("div", { class: "head" });
    over.append(this.head);
    this.follow = () => this.move();
    this.player.addEventListener("change", this.follow);
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.node);
    this.recolour = onScheme(() => {
      this.wave.setOptions({ waveColor: ink("wave"), progressColor: ink("wave") });
      this.plot.redraw();
    });
    this.place();
    this.move();
  }

  /** Show a stretch only; the whole take where it is longer than that. */
  look(from, to) {
    const whole = this.take.duration_s;
    const wide = Math.min(whole, Math.max(SHORTEST_S, to - from));
    const low = Math.min(Math.max(0, from), whole - wide);
    this.view = [low, low + wide];
    this.plot.setScale("x", { min: low, max: low + wide });
    this.place();
    this.move();
  }

  /** Zoom in or out around where the sound is. */
  zoom(by) {
    const [low, high] = this.view;
    const wide = (high - low) / by;
    const now = Math.min(high, Math.max(low, this.player.now));
    this.look(now - wide / 2, now + wide / 2);
  }

  get zoomed() {
    return this.view[1] - this.view[0] < this.take.duration_s - 0.01;
  }

  /** Tell the pitch at a time. */
  read(seconds) {
    const { step_s, time_s, f0_st } = this.take.lines;
    const st = f0_st[Math.round((seconds - (time_s[0] || 0)) / step_s)];
    this.told.textContent = Number.isFinite(st) && st !== null ? readout(st, this.base)
      : say("picture.readout_none");
  }

  data() {
    const { time_s, loudness_db } = this.take.lines;
    return [time_s, smoothed(loudness_db), this.pitch];
  }

  size() {
    const width = Math.max(240, this.node.clientWidth);
    return { width, height: width < 520 ? 240 : 320 };
  }

  options() {
    const { take } = this;
    const loudest = Math.max(...finite(take.lines.loudness_db), -90);
    const edges = take.range ? [take.range.low_st - this.base, take.range.high_st - this.base] : [];
    const [bottom, top] = span(this.pitch, edges);
    const colour = (name) => () => ink(name);
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { show: true, y: false, drag: { x: true, y: false, setScale: false, dist: 12 },
        points: { show: false } },
      scales: {
        x: { time: false, range: () => this.view },
        st: { range: () => [bottom, top] },
        db: { range: () => [loudest - LOUD_SPAN_DB,
          loudest - LOUD_SPAN_DB + LOUD_SPAN_DB / LOUD_SHARE] },
      },
      axes: [
        { scale: "x", stroke: colour("soft"), font: axisFont(), grid: { show: false }, size: 34,
          ticks: { stroke: colour("line") }, space: 60, incrs: SECONDS,
          values: (_, at) => at.map((v) => say("page.seconds", { n: number(v, v % 1 ? 1 : 0) })) },
        { scale: "st", stroke: colour("soft"), font: axisFont(), size: 46, space: 34,
          grid: { stroke: colour("line"), width: 1 }, ticks: { show: false },
          values: (_, at) => at.map((v) => (v > 0 ? "+" : "") + number(v, 0)),
          incrs: [1, 2, 3, 4, 6, 12] },
      ],
      series: [
        {},
        { scale: "db", stroke: colour("edge"), width: 2, points: { show: false } },
        { scale: "st", stroke: colour("accent"), width: 4, points: { show: false },
          spanGaps: false },
      ],
      hooks: { drawClear: [(u) => this.behind(u)], ready: [(u) => this.place(u)],
        setSize: [(u) => this.place(u)],
        setCursor: [(u) => { if (u.cursor.left >= 0) this.read(u.posToVal(u.cursor.left, "x")); }],
        setSelect: [(u) => {
          const { left, width } = u.select;
          if (!width) return;
          const [from, to] = [left, left + width].map((x) => u.posToVal(x, "x"));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.look(from, to);
        }] },
    };
  }

  /** Paint what lies behind the lines. */
  behind(u) {
    const { ctx, bbox } = u;
    const x = (s) => u.valToPos(s, "x", true);
    const y = (st) => u.valToPos(st, "st", true);
    const box = (from, to, top, bottom) => ctx.fillRect(from, top, Math.max(1, to - from), bottom - top);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (this.take.range) {
      const { low_st, high_st } = this.take.range;
      ctx.globalAlpha = 0.55;
      ctx.fillStyle = ink("band");
      box(bbox.left, bbox.left + bbox.width, y(high_st - this.base), y(low_st - this.base));
    }
    ctx.globalAlpha = 0.6;
    ctx.fillStyle = ink("pause");
    for (const p of this.take.pauses) box(x(p.start_s), x(p.end_s), bbox.top, bbox.top + bbox.height);
    if (this.marked) {
      const [from, to] = this.marked;
      ctx.globalAlpha = 0.8;
      ctx.fillStyle = ink("window");
      box(x(from), x(to), bbox.top, bbox.top + bbox.height);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = ink("edge");
      ctx.lineWidth = window.devicePixelRatio || 1;
      ctx.strokeRect(x(from), bbox.top, x(to) - x(from), bbox.height);
    }
    ctx.restore();
  }

  /** Lay the waveform under the plot's inner box, and the words below it. */
  place(u = this.plot) {
    const lower = this.node.querySelector(".wave");
    if (!u || !lower) return;
    const ratio = window.devicePixelRatio || 1;
    const [left, top, width, height] = [u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height]
      .map((v) => v / ratio);
    const [from, to] = this.view;
    const scale = this.take.duration_s / (to - from);
    Object.assign(this.clip.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`,
      height: `${height}px` });
    Object.assign(lower.style, { left: `${(-width * from) / (to - from)}px`,
      width: `${width * scale}px`, height: `${height}px` });
    this.wave.setOptions({ height: Math.round(height) });
    this.write(left, width);
  }

  /** Write the words at their times, in the first row with room for each. */
  write(left, width) {
    const [from, to] = this.view;
    const x = (s) => left + (width * (s - from)) / (to - from);
    const seen = (this.take.words || []).filter((w) => w.end_s > from && w.start_s < to);
    const made = seen.map((w) => el("span", {}, w.text));
    this.words.replaceChildren(...made);
    const ends = Array(ROWS).fill(-Infinity);
    made.forEach((node, i) => {
      const at = Math.max(left, x(seen[i].start_s));
      const row = ends.findIndex((end) => end <= at);
      node.hidden = row < 0 || at + node.offsetWidth > left + width + 12;
      if (node.hidden) return;
      ends[row] = at + node.offsetWidth + 5;
      Object.assign(node.style, { left: `${at}px`, top: `${1.15 * row}em` });
    });
    const rows = ends.filter((e) => e > -Infinity).length;
    this.words.style.height = `${1.2 * rows}em`;
  }

  resize() {
    const { width, height } = this.size();
    if (width === this.plot.width && height === this.plot.height) return;
    this.plot.setSize({ width, height });
    this.move();
  }

  move() {
    const now = Math.min(this.player.now, this.take.duration_s);
    const [from, to] = this.view;
    if (this.player.playing && this.zoomed && (now < from || now > to)) {
      this.look(now, now + to - from);
      return;
    }
    this.head.hidden = now < from || now > to;
    this.head.style.transform = `translateX(${this.plot.valToPos(now, "x")}px)`;
    if (this.player.playing) this.read(now);
  }

  /** Mark a place, or none. */
  mark(from = null, to = null) {
    this.marked = from === null ? null : [from, to];
    if (this.marked && this.zoomed) this.look(0, this.take.duration_s);
    this.plot?.redraw();
  }

  close() {
    this.watch?.disconnect();
    this.recolour?.();
    if (this.follow) this.player.removeEventListener("change", this.follow);
    this.plot?.destroy();
    this.wave?.destroy();
  }
}
