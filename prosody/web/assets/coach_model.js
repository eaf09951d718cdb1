// One's own take with one thing changed: slower, calmer, livelier, with a pause, with a firmer end. It is
// marked as changed wherever it is shown or heard, and is gone with the visit unless it is saved.

import * as api from "./coach_api.js";
import { drawing } from "./coach_compare.js";
import { button, el, put } from "./coach_dom.js";
import { download, fileName } from "./coach_keep.js";
import { broken, middle, span } from "./coach_picture.js";
import { Player } from "./coach_player.js";
import { language, say } from "./coach_words.js";

export const HOWS = ["slower", "calmer", "livelier", "pause", "end"];

/** Return both lines on one clock, semitones from the middle of one's own. */
function lines(own, changed) {
  const mid = middle(own.lines.f0_st);
  const less = (values) => broken(values).map((v) => (v === null ? null : v - mid));
  const [a, b] = [own, changed].map((t) => less(t.lines.f0_st));
  const longest = own.lines.time_s.length > changed.lines.time_s.length ? own : changed;
  const times = longest.lines.time_s;
  const filled = (values) => times.map((_, i) => values[i] ?? null);
  return [times, filled(a), filled(b)];
}

export class Model {
  /** `failed` is told what goes wrong; `aim` is called with the version to imitate. */
  constructor(take, name, { failed, aim }) {
    Object.assign(this, { take, name, failed, aim, open: null, players: [], run: 0 });
    this.shown = el("div", { class: "changed", "aria-live": "polite" });
    this.buttons = HOWS.map((how) => button(say(`model.${how}`), () => this.choose(how),
      { "aria-pressed": "false", "data-how": how }));
    this.node = el("section", { class: "note model" }, el("h3", {}, say("model.title")),
      el("p", { class: "small" }, say("model.text")),
      el("div", { class: "buttons" }, this.buttons), this.shown);
  }

  async choose(how) {
    this.closeShown();
    const mine = this.run;
    for (const one of this.buttons) {
      one.setAttribute("aria-pressed", String(one.dataset.how === how));
    }
    put(this.shown, el("p", { class: "small" }, el("span", { class: "wait" }), " ", say("model.wait")));
    try {
      const told = await api.version(this.take.id, how, language());
      if (mine === this.run) this.fill(told);
    } catch (error) {
      put(this.shown);
      this.failed(error);
    }
  }

  fill(told) {
    const data = lines(this.take, told);
    const what = say(`model.${told.how}`);
    this.open = drawing(data, { range: span([...data[1], ...data[2]]), incrs: [1, 2, 3, 4, 6, 12],
      height: (w) => (w < 520 ? 180 : 210) }, say("model.label", { what }));
    const own = new Player(api.soundOf(this.take.id));
    const other = new Player(api.soundOfVersion(this.take.id, told.how));
    this.players = [own, other];
    const swatch = (cls, text) => el("li", {}, el("span", { class: `swatch ${cls}` }), text);
    const only = (player) => () => { this.run += 1; player.play(0); };
    const both = async () => {
      this.run += 1;
      const mine = this.run;
      await own.play(0);
      await own.ended();
      if (mine === this.run && own.audio.ended) await other.play(0);
    };
    put(this.shown,
      el("p", {}, el("strong", {}, say("model.changed", { what })), " ", told.note || ""),
      this.open.node,
      el("ul", { class: "legend", "aria-hidden": "true" }, swatch("pitch", say("model.own")),
        swatch("second", say("model.other"))),
      el("div", { class: "buttons hear" },
        button(say("model.both"), both, { class: "strong" }),
        button(say("model.hear_own"), only(own)), button(say("model.hear_other"), only(other)),
        button(say("compare.stop"), () => { this.run += 1; for (const p of this.players) p.stop(); }),
        button(say("model.try"), () => this.aim(told), { class: "try" }),
        button(say("model.save"), () => this.save(told.how), { class: "plain" })));
    this.open.draw();
    both();
  }

  async save(how) {
    try {
      const sound = await api.versionToSave(this.take.id, how);
      const name = fileName(`${this.name} ${say("model.in_name")} ${say(`model.${how}`)}`, this.take.created);
      download(sound, `${name}.flac`);
    } catch (error) {
      this.failed(error);
    }
  }

  closeShown() {
    this.run += 1;
    this.open?.close();
    for (const one of this.players) one.close();
    this.open = null;
    this.players = [];
  }

  close() {
    this.closeShown();
  }
}
