// One clip after another: hear it, rate it, go on. The server knows where a listener is; this page
// shows one state at a time and keeps an answer until the server has it.
import * as api from "./rate_api.js";
import { byId, button, el, put } from "./coach_dom.js";
import { apply, language, languageSwitch, preferred, say, use } from "./coach_words.js";
import { Examples } from "./rate_examples.js";
import { Form } from "./rate_form.js";
import { Sound } from "./rate_sound.js";
import { rest, team } from "./rate_team.js";

const RETRY_MS = 2000;
const LANG = "prosody-rate/lang", AUTO = "prosody-rate/autoplay";
const sound = new Sound(), form = new Form(), examples = new Examples();
let told = {}; // what the server said at the start
let rater = null;
let now = null; // the hearing at hand
let state = "loading";
let busy = 0; // something is on its way: what is entered now would be lost

const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* for now */ } };

async function alone(work) {
  busy += 1;
  byId("answer").inert = true;
  try {
    return await work();
  } finally {
    busy -= 1;
    byId("answer").inert = busy > 0;
  }
}

// --- states

function show(name, focus = true) {
  state = name;
  for (const node of document.querySelectorAll("[data-state]")) {
    node.hidden = node.dataset.state !== name;
  }
  const rating = name === "rate" || name === "pause";
  examples.offer(rating || name === "welcome");
  byId("leave").hidden = !(told.host && rater && (rating || name === "done"));
  if (name !== "rate") sound.stop();
  if (name !== "welcome") {
    examples.sound.stop();
    rest();
  }
  write();
  if (focus) document.querySelector(`[data-state="${name}"] h2`)?.focus();
}

/** Write every text that depends on where we are. */
function write() {
  document.title = say("page.title");
  const lost = !byId("lost").hidden;
  byId("lost-text").textContent = say(pending() ? "lost.text" : "lost.text_none");
  byId("waiting-text").textContent = byId("lost-text").textContent;
  if (lost && state === "waiting") byId("lost").hidden = true;
  byId("step-pause").textContent = say("welcome.step_pause", { block: told.block || 30 });
  if (rater) {
    byId("who").textContent = say("page.you", rater);
    byId("pause-text").textContent = say("pause.text", rater);
    byId("pause-stop").textContent = say(told.host ? "pause.stop_host" : "pause.stop");
    byId("done-text").textContent = say("done.text", rater);
  }
  byId("in-use-title").textContent = say("in_use.title", { name: told.in_use_by });
  byId("in-use-yes").textContent = say("in_use.yes", { name: told.in_use_by });
  if (told.refused) {
    byId("over-message").textContent = told.refused.message;
    byId("over-remedy").textContent = told.refused.remedy;
  }
  if (now && rater) where();
  hint();
}

function where() {
  const size = told.block;
  const block = Math.floor(now.at / size), blocks = Math.ceil(now.of / size);
  const first = block * size, last = Math.min(now.of, first + size);
  const left = last - now.at;
  const place = block + 1 === blocks && blocks === 1 ? "rate.block_last"
    : block + 1 === blocks ? "rate.block_last" : "rate.block";
  byId("title").textContent = say("rate.title", { n: now.at + 1, of: now.of });
  byId("where").textContent = `${byId("title").textContent}. ${
    left === 1 ? say("rate.block_left_one") : say(place, { block: block + 1, blocks, left })}`;
  byId("progress").max = last - first;
  byId("progress").value = now.at - first;
}

function hint() {
  const done = sound.heard || (now && now.answer);
  const second = now?.second_s && sound.audio.currentTime > now.second_s - 0.1;
  const text = sound.playing && (!sound.heard || now?.second_s)
    ? (second ? "rate.listening_second" : "rate.listening")
    : form.deaf ? "rate.complete"
    : !done ? "rate.listen_first"
    : now.answer && now.at < now.answered ? "rate.changing"
    : form.missing ? "rate.heard" : "rate.complete";
  const line = now ? say(text) : "";
  if (byId("told").textContent !== line) byId("told").textContent = line;
  byId("play-text").textContent = say(
    sound.playing ? "rate.stop" : sound.heard ? "rate.again" : "rate.play");
  byId("play").classList.toggle("playing", sound.playing);
  byId("back").disabled = !now || now.at === 0 || now.at < now.answered;
}

function fail(error) {
  if (error instanceof api.Gone) return lost();
  if (error instanceof api.Refused && error.code.startsWith("invitation_")) {
    told.refused = { message: error.message, remedy: error.remedy };
    api.remember(null);
    return show("over");
  }
  if (error instanceof api.Refused && error.code === "no_rater") return welcome();
  byId("error-message").textContent = error.message;
  byId("error-remedy").textContent = error.remedy || "";
  return show("error");
}

// --- no connection

let trying = 0;

/** Say so, and try until the server is back; then go on where we were. */
function lost() {
  if (state !== "rate" || pending()) show("waiting");
  else {
    byId("lost").hidden = false;
    write();
  }
  clearTimeout(trying);
  trying = setTimeout(async () => {
    try {
      await begin(true);
      byId("lost").hidden = true;
      byId("said").textContent = say("lost.back");
    } catch (error) {
      if (error instanceof api.Gone) lost();
      else fail(error);
    }
  }, RETRY_MS);
}

const pending = () => Boolean(rater && api.kept(rater.name));

// --- beginning

async function begin(again = false) {
  api.speak(language());
  told = await api.start();
  use(told.language, told.words);
  store(LANG, told.language);
  languages();
  apply();
  if (told.state === "over") {
    api.remember(null);
    return show("over");
  }
  form.make(told.items, told.pairs);
  byId("two").hidden = told.pairs;
  byId("remark").maxLength = told.longest_remark;
  examples.take(told.anchors);
  rater = told.rater;
  if (told.again) api.remember(told.again);
  if (!rater && told.in_use_by) return inUse(told.in_use_by);
  if (!rater) return welcome();
  if (await send() === "waiting") return undefined;
  return load(null, again);
}

/** Somebody else may have begun with this link. */
function inUse(name) {
  told.in_use_by = name;
  byId("in-use-how").hidden = true;
  show("in_use");
}

function welcome() {
  rater = now = null;
  api.remember(null);
  byId("known").hidden = !(told.raters || []).length;
  put(byId("known-list"), (told.raters || []).map((r) => el("li", {},
    button(say("welcome.go_on", r), () => enter(r.name, true), { class: "go-on" }),
    el("span", { class: "small" },
      r.answered < r.of ? say("welcome.so_far", r) : say("welcome.finished")))));
  byId("team").hidden = !told.host;
  if (told.host) team(fail).catch(fail);
  byId("autoplay").checked = stored(AUTO) === "1";
  show("welcome");
}

async function enter(name, known = false) {
  const refused = byId("begin-refused");
  refused.hidden = true;
  try {
    rater = await api.begin(name, known);
  } catch (error) {
    if (error instanceof api.Refused && error.code === "in_use") return begin().catch(fail);
    if (!(error instanceof api.Refused) || error.status !== 422) return fail(error);
    put(refused, el("strong", {}, error.message), el("p", {}, error.remedy));
    refused.hidden = false;
    byId("name").focus();
    return undefined;
  }
  store(AUTO, byId("autoplay").checked ? "1" : "0");
  api.remember(rater.again);
  if (await send() === "waiting") return undefined;
  return load();
}

// --- one clip

async function load(at = null, quiet = false) {
  if (busy) return undefined;
  byId("missing").hidden = byId("no-sound").hidden = true;
  try {
    now = await alone(() => api.trial(at));
    rater = { ...rater, answered: now.answered, of: now.of };
    if (now.state === "finished") return show("done");
    sound.clear();
    form.show(now.answer);
    form.lock(!now.answer);
    byId("played").value = 0;
    if (now.answer) each();
    else byId("each").hidden = true;
    show("rate", false);
    await fetchSound();
  } catch (error) {
    return fail(error);
  }
  if (busy) return undefined; // another place was asked for meanwhile
  if (!quiet) byId("said").textContent = byId("where").textContent;
  if (now.answer) form.first().focus();
  else byId("play").focus();
  if (!now.answer && stored(AUTO) === "1") sound.play();
  return undefined;
}

async function fetchSound() {
  byId("no-sound").hidden = true;
  try {
    sound.load(await api.soundOf(now.at));
  } catch (error) {
    if (!(error instanceof api.Refused) || error.code !== "no_sound") throw error;
    byId("no-sound").hidden = false;
  }
  hint();
}

/** Where two were heard, each can be heard again. */
function each() {
  byId("each").hidden = !now?.second_s;
  if (!now?.second_s) return;
  put(byId("each"), button(say("rate.first_again"), () => sound.play(0, now.second_s - 0.3), { class: "plain" }),
    button(say("rate.second_again"), () => sound.play(now.second_s), { class: "plain" }));
}

function missing(text, node) {
  byId("missing").textContent = say(text);
  byId("missing").hidden = false;
  node?.focus();
}

async function next() {
  if (busy || !now || state !== "rate") return undefined;
  if (!form.deaf && !sound.heard && !now.answer) return missing("rate.not_heard", byId("play"));
  if (form.missing) return missing("rate.missing", form.missing);
  sound.stop();
  const { at } = now, fresh = !now.answer;
  api.keep(rater.name, { at, ...form.value() });
  if (await send() !== "sent") return undefined;
  const pauseNow = fresh && rater.answered % told.block === 0 && rater.answered < rater.of;
  return pauseNow ? show("pause") : load();
}

/** Send what waits; "sent", "none", "refused" or "waiting" (no connection). */
async function send() {
  const data = rater && api.kept(rater.name);
  if (!data) return "none";
  try {
    rater = { ...rater, ...(await alone(() => api.answer(data))) };
    api.drop(rater.name);
    return "sent";
  } catch (error) {
    if (error instanceof api.Gone) {
      lost();
      return "waiting";
    }
    api.drop(rater.name); // it was not taken, and would not be
    if (error.code === "not_heard") missing("rate.not_heard", byId("play"));
    else if (error.code === "not_now") await load();
    else fail(error);
    return "refused";
  }
}

// --- what the visitor does

function languages() {
  languageSwitch(byId("languages"), told.languages, async (code) => {
    use(code);
    api.speak(code);
    try {
      const found = await api.start();
      told = { ...told, words: found.words, refused: found.refused };
      use(code, found.words);
    } catch (error) {
      return fail(error);
    }
    store(LANG, code);
    languages();
    apply();
    form.make(told.items || [], told.pairs);
    examples.draw();
    if (state === "welcome") welcome();
    else write();
    return byId("languages").querySelector("[aria-pressed=true]").focus();
  });
}

sound.addEventListener("change", hint);
sound.addEventListener("moved", () => {
  byId("played").value = sound.share;
  if (now?.second_s) hint();
});
sound.addEventListener("heard", () => {
  byId("played").value = 1;
  byId("missing").hidden = true;
  form.lock(false);
  each();
  hint();
  byId("said").textContent = byId("told").textContent;
  if (document.activeElement === byId("play") || document.activeElement === document.body) {
    form.first().focus();
  }
});
sound.addEventListener("broken", () => { byId("no-sound").hidden = false; });
form.addEventListener("change", () => {
  byId("missing").hidden = true;
  hint();
});

byId("play").addEventListener("click", () => sound.toggle());
byId("retry").addEventListener("click", () => fetchSound().catch(fail));
byId("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  next();
});
byId("back").addEventListener("click", () => load(now.at - 1));
byId("done-back").addEventListener("click", () => load(now.of - 1));
byId("go-on").addEventListener("click", () => load());
byId("error-again").addEventListener("click", () => begin().catch(fail));
byId("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(byId("name").value);
});
byId("in-use-yes").addEventListener("click", () => enter(told.in_use_by, true));
byId("in-use-no").addEventListener("click", () => { byId("in-use-how").hidden = false; });
byId("leave").addEventListener("click", async () => {
  try {
    await api.leave();
    await begin();
  } catch (error) {
    fail(error);
  }
});

document.addEventListener("keydown", (event) => {
  if (state !== "rate" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (byId("examples").open) return;
  const writes = event.target.closest("textarea, input[type=text]");
  const acts = event.target.closest("button, summary, a, input[type=checkbox]");
  if (event.key === " " && !writes && !acts) {
    event.preventDefault();
    if (!event.repeat) sound.toggle();
  } else if (event.key === "Enter" && !event.repeat && !event.target.closest("textarea, button, summary, a")) {
    event.preventDefault();
    next();
  } else if (form.pairs && ["1", "2"].includes(event.key) && !writes && !byId("sliders").disabled) {
    byId(event.key === "1" ? "chosen-a" : "chosen-b").click();
  } else if (event.key === "Backspace" && !writes && !byId("back").disabled) {
    event.preventDefault();
    load(now.at - 1);
  }
});

use(stored(LANG) || preferred());
begin().catch(fail);
