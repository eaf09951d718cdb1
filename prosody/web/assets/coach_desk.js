// The card with the record button: the microphone's states, its level, and the way in for a file.

import { button, byId, el, put } from "./coach_dom.js";
import { Recorder, hindrance, microphones, reason } from "./coach_recorder.js";
import { blocked, note } from "./coach_states.js";
import { download, fileName } from "./coach_keep.js";
import { clock, number, say } from "./coach_words.js";

const SHORT_S = 0.3; // below this somebody pressed twice
const WARN_S = 10; // the clock counts down from here
const SILENT = 0.001; // -60 dBFS: no microphone in a room is so quiet
const FLOOR_DB = -60; // left end of the meter; its right end is full scale
const SOFT_DB = -36; // peaks of speech at a good distance lie between this and the next
const LOUD_DB = -0.5;
const BROKEN = ["lost", "muted", "silenced", "asleep"]; // what is left is not the whole take

const decibels = (peak) => 20 * Math.log10(Math.max(peak, 1e-6));

export class Desk {
  /** `got({sound, seconds})` takes a recording or file; `limits` are the server's, `gone` tells it is away. */
  constructor({ limits, got, gone }) {
    Object.assign(this, { limits, got, gone, state: "idle", recorder: null, why: null, hint: null });
    this.button = byId("record");
    this.button.addEventListener("click", () => this.press());
    byId("choose-file").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.file(file);
    });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.list());
    byId("ways").open = matchMedia("(min-width: 62.01rem) and (min-height: 60rem)").matches;
    this.permission();
    this.show();
  }

  async permission() {
    this.block(hindrance());
    // Browsers deny insecure addresses as well: that would be the wrong thing to explain.
    if (this.why) {
      this.list();
      return;
    }
    try {
      const asked = await navigator.permissions.query({ name: "microphone" });
      const look = () => {
        if (asked.state === "denied") this.block("denied");
        else if (this.why === "denied") this.block(null);
        this.list();
      };
      asked.addEventListener("change", look);
      look();
    } catch {
      // Not every browser tells; then pressing the button will.
      this.list();
    }
  }

  block(why) {
    this.why = why;
    if (why) byId("ways").open = true; // a file can be heard all the same
    put(byId("blocked"), why ? blocked(why, () => { this.block(null); this.press(); }) : []);
    this.show();
  }

  /** Say something about this recording, in sight. */
  notes(...found) {
    const place = put(byId("capture-notes"), found);
    if (place.firstChild) place.scrollIntoView({ block: "nearest" });
  }

  async list() {
    const select = byId("microphones");
    const before = select.value;
    const found = (await microphones()).filter((d) => d.deviceId !== "communications");
    const named = found.filter((d) => d.deviceId && d.deviceId !== "default");
    put(select, el("option", { value: "" }, say("record.default_microphone")),
      named.map((d, i) => el("option", { value: d.deviceId },
        d.label || say("record.nameless_microphone", { n: i + 1 }))));
    select.value = [...select.options].some((o) => o.value === before) ? before : "";
  }

  /** Start, stop, or do nothing while something is under way. */
  async press() {
    if (this.state === "idle") await this.start();
    else if (this.state === "recording") await this.stop();
  }

  async start() {
    const hindered = hindrance();
    if (hindered) {
      this.block(hindered);
      return;
    }
    this.block(null);
    this.notes();
    this.set("opening");
    this.recorder = new Recorder({
      heard: (peak, seconds) => this.level(peak, seconds),
      ended: (why) => this.stop(why),
    });
    this.loudest = 0;
    try {
      await this.recorder.start(byId("microphones").value, this.limits.max_s);
    } catch (error) {
      this.recorder = null;
      this.set("idle");
      const why = reason(error);
      if (why === "gone") this.gone();
      else this.block(why);
      return;
    }
    this.set("recording");
    this.list();
    // On a phone what is to be said may lie above the screen or under the recorder.
    const aloud = byId("usual").hidden ? byId("sentence") : document.querySelector("#usual .now");
    aloud?.scrollIntoView({ block: "nearest" });
  }

  async stop(why = null) {
    if (this.state !== "recording") return;
    this.set("stopping");
    const { sound, seconds, altered } = await this.recorder.stop();
    this.recorder = null;
    if (BROKEN.includes(why)) {
      this.set("idle");
      this.broken(why, sound);
      return;
    }
    const told = [];
    if (why === "cut") told.push(note("", say("record.cut", { n: this.limits.max_s })));
    if (altered.on.length) {
      const what = altered.on.map((k) => say(`record.${k}`)).join(", ");
      told.push(note("care", say("record.processing_on", { what })));
    } else if (altered.unknown) told.push(note("", say("record.processing_unknown")));
    this.notes(told);
    if (seconds < SHORT_S) {
      this.notes(note("care", say("record.short")));
      this.set("idle");
      return;
    }
    await this.offer({ sound, seconds, spoken: true });
  }

  /** Tell what interrupted a take; half a take is not judged, and the microphone can be changed. */
  broken(why, sound) {
    byId("ways").open = true;
    this.list();
    const made = note("error", say("record.broken"), [say(`record.broken_${why}`), say("record.broken_how")],
      button(say("record.again"), () => this.press(), { class: "strong" }),
      button(say("error.save_unsent"), () => download(sound,
        `${fileName(say("result.sounded"), new Date())}.wav`)));
    made.setAttribute("role", "alert");
    this.notes(made);
  }

  /** Take a chosen or dropped file. */
  async file(file) {
    if (this.state !== "idle") return;
    const most = this.limits.max_bytes;
    const values = { found: number(file.size / 1e6, 1), limit: number(most / 1e6, 0),
      seconds: this.limits.max_s };
    this.notes();
    if (file.size > most) {
      this.notes(note("error", say("error.too_long", values),
        [say("error.too_long_how", values)]));
    } else if (file.size === 0) {
      this.notes(note("error", say("error.empty_file"), [say("error.empty_file_how")]));
    } else await this.offer({ sound: file, seconds: null });
  }

  async offer(got) {
    this.set("waiting");
    try {
      await this.got(got);
    } finally {
      this.set("idle");
    }
  }

  level(peak, seconds) {
    this.loudest = Math.max(this.loudest, peak);
    const db = decibels(peak);
    const wide = Math.max(0, Math.min(100, 100 * (1 - db / FLOOR_DB)));
    const loud = db >= LOUD_DB;
    const meter = byId("meter");
    meter.querySelector(".fill").setAttribute("width", wide.toFixed(1));
    meter.setAttribute("class", `meter ${loud ? "loud" : db < SOFT_DB ? "soft" : ""}`);
    const left = this.limits.max_s - seconds;
    byId("record-clock").textContent = clock(seconds);
    let hint = "record.speaking";
    if (left <= WARN_S) hint = "record.left";
    else if (loud || (this.hint === "record.too_loud" && seconds < this.hintUntil)) {
      hint = "record.too_loud";
    } else if (seconds > 1.5 && this.loudest < SILENT) hint = "record.nothing";
    else if (seconds > 3 && decibels(this.loudest) < SOFT_DB) hint = "record.too_soft";
    if (loud) this.hintUntil = seconds + 2;
    if (hint !== this.hint || hint === "record.left") {
      this.hint = hint;
      const text = say(hint, { n: Math.ceil(left) });
      const place = byId("record-state");
      if (place.textContent !== text) place.textContent = text;
    }
  }

  set(state) {
    this.state = state;
    this.hint = null;
    this.show();
  }

  /** Draw the button and what stands beside it for the state it is in. */
  show() {
    const { state } = this;
    const recording = state === "recording";
    const waiting = state === "waiting" || state === "stopping";
    this.button.setAttribute("aria-pressed", String(recording));
    // Not `disabled`: the focus of the keyboard would be lost at every take.
    this.button.setAttribute("aria-disabled", String(waiting || state === "opening"));
    byId("record-word").textContent = say(recording ? "record.stop" : "record.start");
    byId("record-clock").hidden = !recording;
    byId("record-clock").textContent = clock(0);
    byId("level").hidden = !recording;
    byId("meter").setAttribute("aria-label", say("record.level"));
    byId("microphones").disabled = state !== "idle";
    byId("choose-file").disabled = state !== "idle";
    const asks = state === "opening" && !this.known;
    byId("record-state").textContent = say(recording ? "record.speaking" : waiting ? "record.wait"
      : asks ? "record.asking" : state === "opening" ? "record.opening" : "record.ready");
    byId("recorder").dataset.state = state;
    if (recording) this.known = true;
  }
}
