// The texts of the page, in the reader's language; they come from the server with /api/start.

import { button, put } from "./coach_dom.js";

// All that can be said before the server has: the server may be what is missing.
const FIRST = {
  nl: { error: { gone_title: "Geen verbinding met prosody",
    gone: "Het programma op deze computer antwoordt niet.",
    gone_how: "Start opnieuw met ‘prosody coach’." } },
  en: { error: { gone_title: "No connection with prosody",
    gone: "The program on this computer does not answer.",
    gone_how: "Start it again with ‘prosody coach’." } },
};

let lang = "en";
let words = FIRST.en;

/** Return the language to begin with: that of the address, else the browser's first that exists. */
export function preferred(known = ["nl", "en"]) {
  const asked = new URLSearchParams(location.search).get("lang");
  const wished = [asked, ...(navigator.languages || [navigator.language])];
  const found = wished.map((w) => (w || "").slice(0, 2).toLowerCase()).find((w) => known.includes(w));
  return found || "en";
}

export function language() {
  return lang;
}

/** Take the texts of a language; without them, the few that are built in. */
export function use(code, table) {
  lang = code;
  words = table || FIRST[code] || FIRST.en;
  document.documentElement.lang = code;
}

/** Return a text by its dotted name with {names} filled in; the name itself where there is none. */
export function say(name, values = {}) {
  let found = words;
  for (const part of name.split(".")) found = found === undefined ? undefined : found[part];
  if (typeof found !== "string") return name;
  return found.replace(/\{(\w+)\}/g, (all, key) => (key in values ? String(values[key]) : all));
}

/** Return a number as the language writes it, with a true minus. */
export function number(value, digits = 1) {
  const text = new Intl.NumberFormat(lang, {
    minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative",
  }).format(value);
  return text.replace("-", "\u2212");
}

/** Return seconds as 0:03,4 (tenths) or 0:03. */
export function clock(seconds, tenths = false) {
  const safe = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  const whole = tenths ? Math.floor(safe * 10) / 10 : Math.floor(safe);
  const rest = whole % 60;
  const text = tenths ? number(rest, 1) : String(rest);
  return `${Math.floor(whole / 60)}:${rest < 10 ? "0" : ""}${text}`;
}

/** Fill every element that names its text with data-word, data-word-label or data-word-placeholder. */
export function apply(root = document) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of root.querySelectorAll("[data-word-label]")) {
    node.setAttribute("aria-label", say(node.dataset.wordLabel));
  }
  for (const node of root.querySelectorAll("[data-word-placeholder]")) {
    node.placeholder = say(node.dataset.wordPlaceholder);
  }
}

const NAMES = { nl: "Nederlands", en: "English" };

/** Fill the switch of languages; `choose(code)` is called with the one that is wanted. */
export function languageSwitch(place, codes, choose) {
  put(place, codes.map((code) => button(NAMES[code] || code, () => choose(code),
    { lang: code, "aria-pressed": String(code === lang), "data-lang": code })));
}
