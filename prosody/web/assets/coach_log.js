// A log that belongs to whoever practises: a file to save and to bring again. Nothing of it is sent; with a
// word it is encrypted here in the browser (PBKDF2, AES-GCM).

import * as api from "./coach_api.js";
import { button, byId, el, put } from "./coach_dom.js";
import { download } from "./coach_keep.js";
import { note } from "./coach_states.js";
import { language, number, say } from "./coach_words.js";

const SCHEMA = "prosody-log";
const VERSION = 1;
const ROUNDS = 600_000;
const MOST_BYTES = 200_000_000;
const SHOWN = ["pace", "pauses", "range", "loudness", "end"];

class Unreadable extends Error {}

const base64 = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
};
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

async function keyOf(word, salt, rounds) {
  const raw = await crypto.subtle.importKey("raw", new TextEncoder().encode(word.normalize("NFC")), "PBKDF2",
    false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds }, raw,
    { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Return the text of a log file: plain, or encrypted with a word. */
export async function sealed(log, word) {
  if (!word) return JSON.stringify(log, null, 1);
  const [salt, iv] = [16, 12].map((n) => crypto.getRandomValues(new Uint8Array(n)));
  const key = await keyOf(word, salt, ROUNDS);
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key,
    new TextEncoder().encode(JSON.stringify(log)));
  return JSON.stringify({ schema: SCHEMA, version: VERSION, encrypted: {
    cipher: "AES-256-GCM", key: "PBKDF2-SHA-256", rounds: ROUNDS, salt: base64(salt), iv: base64(iv),
    data: base64(new Uint8Array(data)) } });
}

/** Return the log in a file; null where a word is needed, an error where it is none of ours. */
export async function unsealed(text, word) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Unreadable("log.not_a_log");
  }
  if (found?.schema !== SCHEMA) throw new Unreadable("log.not_a_log");
  if (!(found.version <= VERSION)) throw new Unreadable("log.newer");
  if (found.encrypted) {
    if (!word) return null;
    const { salt, iv, data, rounds } = found.encrypted;
    try {
      const key = await keyOf(word, bytesOf(salt), Math.min(Number(rounds), 10 * ROUNDS));
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytesOf(iv) }, key, bytesOf(data));
      found = JSON.parse(new TextDecoder().decode(plain));
    } catch {
      throw new Unreadable("log.wrong_word");
    }
  }
  if (!Array.isArray(found.visits)) throw new Unreadable("log.not_a_log");
  return found;
}

/** Return what a log holds of one take. */
function entry(take) {
  const { created, sentence, judgement, numbers } = take;
  const told = judgement && { verdict: judgement.verdict, headline: judgement.headline,
    p: judgement.axes?.sincere?.p ?? null };
  return { created, sentence, judgement: told,
    numbers: Object.fromEntries((numbers?.first || []).map((n) => [n.name, n.value])) };
}

const day = (created) => String(created).slice(0, 10);
const median = (values) => {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  return known.length ? (known[Math.floor((known.length - 1) / 2)] + known[Math.ceil((known.length - 1) / 2)]) / 2
    : NaN;
};

export class Log {
  /** `takes()` gives the takes of this visit, `failed` is told what goes wrong. */
  constructor({ takes, failed }) {
    Object.assign(this, { takes, failed, before: null, file: null });
  }

  /** Return all visits: those of the file that was opened, and this one. */
  visits() {
    const now = this.takes().filter((t) => t.kind === "take").map(entry);
    const before = this.before?.visits || [];
    return now.length ? [...before, { date: day(now[0].created), takes: now }] : before;
  }

  draw() {
    const safe = Boolean(crypto.subtle);
    const word = el("input", { type: "text", id: "log-word", autocomplete: "off", spellcheck: "false",
      disabled: !safe });
    const sound = el("input", { type: "checkbox", id: "log-sound" });
    const file = el("input", { type: "file", id: "log-file", accept: ".json,application/json",
      class: "unseen", tabindex: -1, "aria-label": say("log.open"),
      onchange: () => { if (file.files.length) this.open(file.files[0]); file.value = ""; } });
    this.notes = el("div", { id: "log-notes", role: "status" });
    put(byId("log"), el("details", { open: this.shown || null, ontoggle: (e) => { this.shown = e.target.open; } },
      el("summary", {}, say("log.title")),
      el("p", { class: "small" }, say("log.text")),
      el("div", { class: "buttons" }, button(say("log.open"), () => file.click(), { id: "log-open" }), file),
      this.notes,
      this.visits().length ? this.table() : null,
      this.takes().some((t) => t.kind === "take") ? el("div", { class: "saving" },
        el("div", { class: "check" }, sound, el("label", { for: "log-sound" }, say("log.with_sound"))),
        el("div", { class: "field" }, el("label", { for: "log-word" }, say("log.word")), word,
          el("p", { class: "small" }, say(safe ? "log.word_note" : "log.word_unsafe"))),
        button(say("log.save"), () => this.save(word.value, sound.checked), { id: "log-save", class: "strong" }))
        : null));
  }

  /** Return the visits side by side, medians of their takes. */
  table() {
    const head = el("tr", {}, el("th", { scope: "col" }, say("log.date")), el("th", { scope: "col" }, say("log.takes")),
      SHOWN.map((n) => el("th", { scope: "col" }, say(`numbers.${n}`))));
    const rows = this.visits().map((v) => el("tr", {},
      el("th", { scope: "row" }, new Intl.DateTimeFormat(language(), { dateStyle: "medium" }).format(new Date(v.date))),
      el("td", {}, number(v.takes.length, 0)),
      SHOWN.map((n) => {
        const value = median(v.takes.map((t) => t.numbers?.[n]));
        return el("td", { class: "number" }, Number.isFinite(value) ? number(value, n === "pauses" ? 0 : 1) : "\u2013");
      })));
    return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": say("log.title") },
      el("table", {}, el("caption", { class: "small" }, say("log.medians")), el("thead", {}, head), el("tbody", {}, rows)));
  }

  async open(file) {
    try {
      if (file.size > MOST_BYTES) throw new Unreadable("log.not_a_log");
      await this.read(await file.text(), "");
    } catch (error) {
      this.wrong(error);
    }
  }

  async read(text, word) {
    const found = await unsealed(text, word);
    if (found) {
      this.before = found;
      this.draw();
      put(this.notes, note("good", say("log.opened", { n: found.visits.length })));
      return;
    }
    const asked = el("input", { type: "password", id: "log-key", autocomplete: "off" });
    const go = (event) => {
      event.preventDefault();
      this.read(text, asked.value).catch((error) => this.wrong(error));
    };
    put(this.notes, el("form", { class: "field", onsubmit: go },
      el("label", { for: "log-key" }, say("log.key")), asked, " ",
      el("button", { type: "submit", class: "strong" }, say("log.unlock"))));
    asked.focus();
  }

  wrong(error) {
    if (!(error instanceof Unreadable)) {
      this.failed(error);
      return;
    }
    put(this.notes, note("error", say(error.message), [say(`${error.message}_how`)]));
  }

  async save(word, withSound) {
    try {
      const log = { schema: SCHEMA, version: VERSION, visits: structuredClone(this.visits()) };
      if (withSound) {
        const spoken = this.takes().filter((t) => t.kind === "take");
        const now = log.visits.at(-1).takes;
        for (const [i, take] of spoken.entries()) {
          const sound = await api.kept(take.id, "flac", language());
          now[i].sound_flac = base64(new Uint8Array(await sound.arrayBuffer()));
        }
      }
      const text = await sealed(log, word);
      const stamp = new Date().toISOString().slice(0, 10);
      download(new Blob([text], { type: "application/json" }), `${say("log.file")}-${stamp}.json`);
      put(this.notes, note("good", say(word ? "log.saved_word" : "log.saved")));
    } catch (error) {
      this.failed(error);
    }
  }

  forget() {
    this.before = null;
    this.draw();
  }
}
