// The page to practise: which step is shown, what has been recorded, and what happens next.

import * as api from "./coach_api.js";
import { Compare } from "./coach_compare.js";
import { Desk } from "./coach_desk.js";
import { dropping, keyboard } from "./coach_ways.js";
import { button, byId, el, put } from "./coach_dom.js";
import { Goal, numberOf } from "./coach_goal.js";
import { keep } from "./coach_keep.js";
import { Log } from "./coach_log.js";
import { Model } from "./coach_model.js";
import { Tabs, recall, remember } from "./coach_tabs.js";
import { Player, hush } from "./coach_player.js";
import { result } from "./coach_result.js";
import { announce, empty, note, tell, untell, waiting } from "./coach_states.js";
import { listTakes, nameOf } from "./coach_takes.js";
import { Trouble } from "./coach_trouble.js";
import { apply, language, languageSwitch, number, preferred, say, use } from "./coach_words.js";

const STEPS = ["choose", "usual", "practise"];
const TEXTS = 2; // ordinary texts that are asked for; the others are for whoever read too little

const page = {
  start: null, step: "choose", situation: null, sentence: "", takes: [], shown: null,
  usual: 0, texts: TEXTS, spoken: 0, skipped: false, kind: "take", unsent: null, card: null,
  player: null,
};
let desk = null;

const trouble = new Trouble({
  unsent: () => page.unsent,
  sendAgain,
  back: async (told) => {
    if (!page.start) {
      await begin(language());
      return;
    }
    page.start = told;
    tell("back", note("good", say("error.back")));
    await sendAgain();
  },
});
const failed = (error) => trouble.tell(error);
const compare = new Compare(failed);
const goal = new Goal();
const log = new Log({ takes: () => page.takes, failed });
const tabs = new Tabs(() => desk?.state === "idle", { changed: () => refresh(), forgot: () => forgotten() });

async function sendAgain() {
  const { unsent } = page;
  if (unsent && !unsent.refused && desk.state === "idle") await desk.offer(unsent);
}

/** Keep in this tab where somebody is, so that loading it again goes on there. */
function mark() {
  remember({ situation: page.situation?.id, sentence: page.sentence, skipped: page.skipped,
    texts: page.texts, step: page.step, shown: page.shown });
}

// --- steps

function usualDone() {
  return page.usual >= page.texts;
}

const ownSituation = () => ({ id: "own", title: say("choose.own_title"), story: "", sentence: "" });
const situationOf = (id) => page.start.situations.find((s) => s.id === id) || ownSituation();
const sayings = (s) => [s.sentence, ...(s.suggestions || [])];

function go(step, focus = true) {
  if (desk.state === "recording" || desk.state === "opening") return;
  hush();
  page.step = step;
  for (const name of STEPS) byId(name).hidden = name !== step;
  const slot = document.querySelector(`[data-slot="${step}"]`);
  byId("recorder").hidden = !slot;
  if (slot) slot.append(byId("recorder"));
  if (step !== "practise") setKind("take");
  put(byId("capture-notes"));
  mark();
  drawSteps();
  if (step === "usual") drawUsual();
  if (step === "practise") drawPractise();
  if (focus) byId(`${step}-title`).focus({ preventScroll: true });
  if (focus) window.scrollTo({ top: 0 });
}

function drawSteps() {
  byId("steps").hidden = false;
  const done = { choose: page.situation !== null, usual: usualDone(), practise: false };
  for (const one of document.querySelectorAll("[data-step]")) {
    const { step } = one.dataset;
    if (step === page.step) one.setAttribute("aria-current", "step");
    else one.removeAttribute("aria-current");
    one.classList.toggle("done", done[step]);
    const mark = done[step] ? el("span", { class: "unseen" }, ` (${say("steps.done")})`) : null;
    put(one, el("span", {}, say(`steps.${step}`)), mark);
    one.disabled = step === "practise" && page.situation === null;
  }
}

function drawChoose() {
  const own = { ...ownSituation(), story: say("choose.own_story") };
  put(byId("situations"), [...page.start.situations, own].map((s) => el("li", {},
    el("button", { type: "button", class: "situation", "data-situation": s.id,
      "aria-pressed": String(page.situation?.id === s.id), onclick: () => choose(s) },
    el("span", { class: "name" }, s.title), el("span", { class: "small" }, s.story)))));
}

function choose(situation) {
  if (page.situation?.id !== situation.id) page.sentence = situation.sentence || "";
  page.situation = situation;
  drawChoose();
  go(usualDone() || page.skipped ? "practise" : "usual");
  if (page.step === "practise" && !page.sentence) byId("sentence").focus();
}

function enough() {
  return page.spoken >= page.start.limits.baseline_s;
}

/** What was read says enough to compare with, or how much is missing while she can still read on. */
function howMuch() {
  const { baseline_s, baseline_short_s } = page.start.limits;
  if (page.spoken >= baseline_short_s) return note("good", say("usual.done"));
  const least = number(enough() ? baseline_short_s : baseline_s, 0);
  const values = { seconds: number(page.spoken, page.spoken < 10 ? 1 : 0), least };
  return note("care", say(enough() ? "usual.little" : "usual.short", values),
    [say(enough() ? "usual.little_how" : "usual.short_how", values)]);
}

function drawUsual() {
  const all = page.start.baseline_sentences.slice(0, page.texts);
  const finished = usualDone();
  put(byId("usual-sentences"), all.map((text, i) => {
    const state = i < page.usual ? "done" : i === page.usual ? "now" : "later";
    return el("li", { class: state, "aria-current": state === "now" ? "true" : null },
      el("span", { class: "small" }, state === "done" ? say("usual.got", { n: i + 1 })
        : say("usual.nth", { n: i + 1, of: all.length })),
      el("p", { class: "say" }, text));
  }));
  if (finished) put(byId("usual-notes"), howMuch());
  byId("usual-next").hidden = byId("usual-again").hidden = !finished;
  byId("usual-more").hidden = !finished || page.spoken >= page.start.limits.baseline_short_s
    || page.texts >= page.start.baseline_sentences.length;
  byId("usual-skip").hidden = finished;
  byId("usual-why").hidden = finished;
}

function drawPractise() {
  const s = page.situation;
  byId("practise-title").textContent = s.title;
  byId("story").textContent = s.story;
  byId("story-box").hidden = s.id === "own";
  byId("sentence").value = page.sentence;
  byId("suggestions").hidden = !s.suggestions?.length;
  put(byId("suggestions"), el("summary", {}, say("situation.suggestions")),
    (s.suggestions || []).map((text) => button(text, () => {
      page.sentence = text;
      byId("sentence").value = text;
      byId("suggestions").open = false;
      fit();
      mark();
    }, { class: "suggestion" })));
  fit();
  showTake(page.shown);
  drawTakes();
}

function fit() {
  const box = byId("sentence");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 4}px`;
}

function setKind(kind) {
  page.kind = kind;
  const place = byId("as-example");
  place.hidden = kind !== "example";
  put(place, kind === "example"
    ? [say("takes.example_next"), " ", button(say("takes.cancel"), () => setKind("take"), { class: "plain" })] : []);
}

// --- takes

function closeCard() {
  page.card?.close();
  page.player?.close();
  page.model?.close();
  page.card = page.player = page.model = null;
}

/** Aim at a version of one's own voice: what was changed in it is what the next takes are held to. */
function aim(told) {
  const { name, value, own, within, digits } = told.aim;
  goal.begin({ name, low: value - within, high: value + within, digits, from: own,
    what: say(`model.${told.how}`) });
  setKind("take");
  byId("goal").scrollIntoView({ block: "nearest" });
  byId("record").focus({ preventScroll: true });
}

function exercise(one) {
  goal.begin({ name: one.name, low: one.low, high: one.high, digits: one.digits ?? 1,
    from: numberOf(page.takes.find((t) => t.id === page.shown), one.name)?.value });
  setKind("take");
  byId("goal").scrollIntoView({ block: "nearest" });
  byId("record").focus({ preventScroll: true });
}

function showTake(id) {
  closeCard();
  const take = page.takes.find((t) => t.id === id) || page.takes.at(-1);
  page.shown = take?.id || null;
  if (!take) {
    put(byId("result"), empty());
    return;
  }
  const name = nameOf(take, page.takes);
  const player = new Player(api.soundOf(take.id));
  const save = button(say("keep.take"), () => keepTake(take, save), {
    class: "keep", "aria-label": say("keep.take_named", { name }) });
  page.player = player;
  if (page.start.versions && take.versions) page.model = new Model(take, name, { failed, aim });
  page.card = result(take, name, player, el("div", { class: "buttons" }, save),
    page.start.judge.note, { extra: page.model?.node, practise: take.kind === "take" ? exercise : null });
  put(byId("result"), page.card.node);
  page.card.draw();
  if (page.start.recognises && !take.said) hearWords(take, page.card);
  mark();
}

/** Write what was said in place of the sentence, once the recogniser has told. */
async function hearWords(take, card) {
  try {
    take.words = (await api.words(take.id, language())).words;
    take.said = true;
    if (page.card === card) card.picture?.place();
  } catch (error) {
    if (!(error instanceof api.Refused)) failed(error); // the words of the sentence stay
  }
}

function drawTakes() {
  byId("takes").hidden = false;
  listTakes(page.takes, page.shown, {
    show: (id) => {
      showTake(id);
      drawTakes();
      byId("result-title").focus({ preventScroll: true });
      byId("result").scrollIntoView({ block: "start" });
    },
    remove: removeTake,
    exampleOwn: page.situation?.example ? takeExample : null,
    exampleFile: (file) => {
      setKind("example");
      desk.file(file);
    },
    exampleRecord: () => {
      setKind("example");
      byId("record").focus();
      byId("recorder").scrollIntoView({ block: "nearest" });
    },
  });
  compare.show(page.takes);
  log.draw();
}

/** Take in the example that comes with this situation. */
async function takeExample() {
  try {
    const sound = await api.exampleOf(page.situation.id, language());
    if (desk.state === "idle") await desk.offer({ sound, seconds: null, kind: "example" });
  } catch (error) {
    failed(error);
  }
}

async function removeTake(id) {
  const take = page.takes.find((t) => t.id === id);
  const name = nameOf(take, page.takes);
  try {
    await api.remove(id);
  } catch (error) {
    failed(error);
    return;
  }
  page.takes = page.takes.filter((t) => t.id !== id);
  if (page.shown === id) showTake(null);
  drawTakes();
  tabs.tell("changed");
  announce(say("takes.deleted", { name }));
  byId("takes-title").setAttribute("tabindex", "-1");
  byId("takes-title").focus({ preventScroll: true });
}

async function keepTake(take, save) {
  const name = nameOf(take, page.takes);
  save.setAttribute("aria-disabled", "true");
  try {
    const done = await keep(take, name, page.start.keep?.folder);
    const said = { none: "", download: say("keep.download", { name }),
      chosen: `${say("keep.done", { name })} (${done.folder})`,
      folder: done.folder ? say("keep.done_in", { name, folder: done.folder }) : say("keep.done", { name }) };
    if (said[done.how]) {
      tell("keep", note("good", said[done.how]));
      announce(said[done.how]);
    }
  } catch (error) {
    if (error instanceof DOMException) {
      tell("keep", note("error", say("keep.failed"), [say("keep.failed_how")]));
    } else failed(error);
  } finally {
    save.removeAttribute("aria-disabled");
  }
}

// --- a new sound

async function got(sound) {
  const usual = page.step === "usual";
  const kind = usual ? "baseline" : page.kind;
  const texts = page.start.baseline_sentences;
  const sentence = usual ? texts[Math.min(page.usual, texts.length - 1)] : page.sentence;
  if (!usual) {
    closeCard();
    put(byId("result"), waiting());
  }
  try {
    const take = await api.send(sound.sound, sound.kind || kind, language(), sound.sentence ?? sentence);
    page.unsent = null;
    untell("gone");
    untell("refused");
    if (take.kind === "baseline") await heardUsual(take);
    else heardTake(take);
    tabs.tell("changed");
  } catch (error) {
    const refused = error instanceof api.Refused;
    // What is wrong with the program is not wrong with the sound: it can be offered again. What was
    // spoken and refused can be saved; a file is there already.
    const final = refused && error.status < 500;
    page.unsent = final && !sound.spoken ? null : { ...sound, kind, sentence, refused: final };
    if (!usual) showTake(page.shown);
    if (refused) {
      desk.notes(note("error", error.message, [error.remedy], ...trouble.rescue()));
      byId("capture-notes").firstChild.setAttribute("role", "alert");
    } else failed(error);
  }
}

async function heardUsual(take) {
  if (take.quality.problems.length && !take.quality.ok) {
    put(byId("usual-notes"), note("care", say("usual.problem"),
      take.quality.problems.flatMap((p) => [`${p.message} ${p.remedy}`])));
    announce(say("usual.problem"));
    return;
  }
  put(byId("usual-notes"));
  page.usual += 1;
  if (usualDone() || page.takes.length) await askAnew();
  drawUsual();
  drawSteps();
  const little = usualDone() && page.spoken < page.start.limits.baseline_short_s;
  announce(little ? byId("usual-notes").innerText : say("usual.got", { n: page.usual }));
  if (usualDone()) byId(!enough() ? "usual-again" : "usual-next").focus();
}

/** Takes are judged against the usual voice: with another one they are told anew. */
async function askAnew() {
  try {
    const kept = await api.takes(language());
    page.takes = kept.takes;
    page.spoken = kept.baseline.seconds;
    return kept.baseline.sentences.length;
  } catch (error) {
    failed(error);
    return page.usual;
  }
}

function heardTake(take) {
  page.takes.push(take);
  page.shown = take.id;
  setKind("take");
  byId("story-box").open = false; // it was read; the sentence and the result need the room
  showTake(take.id);
  goal.add(take, nameOf(take, page.takes));
  drawTakes();
  const [problem] = take.quality.problems;
  announce(problem && !take.judgement ? say("result.problems_new", { message: problem.message })
    : say("result.new", { headline: take.judgement?.headline || say("result.no_verdict") }));
  const first = byId(byId("compare").hidden ? "result" : "compare");
  const { top } = first.getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.6) first.scrollIntoView({ block: "start" });
}

// --- forgetting, language

async function forgetAll() {
  byId("ask").close();
  try {
    await api.forget();
  } catch (error) {
    failed(error);
    return;
  }
  forgotten();
  tabs.tell("forgot");
}

function forgotten() {
  closeCard();
  Object.assign(page, { takes: [], shown: null, usual: 0, texts: TEXTS, spoken: 0, skipped: false,
    situation: null, sentence: "", unsent: null });
  showTake(null);
  compare.forget();
  goal.stop();
  log.forget();
  put(byId("usual-notes"));
  put(byId("notes"));
  byId("story-box").open = true;
  drawChoose();
  go("choose");
  tell("forgot", note("good", say("forget.done")));
  announce(say("forget.done"));
}

/** Take in what another tab of this visit recorded or wiped. */
async function refresh() {
  const before = page.takes.length;
  page.usual = await askAnew();
  if (page.step === "practise") {
    if (page.takes.length !== before && !page.takes.some((t) => t.id === page.shown)) showTake(null);
    drawTakes();
  } else if (page.step === "usual") drawUsual();
  drawSteps();
}

function drawWords() {
  apply();
  document.title = say("page.title");
  byId("use").href = `/assets/coach_use.${language()}.html`;
  byId("version").textContent = say("page.version", { version: page.start.version });
  languageSwitch(byId("languages"), page.start.languages, speak);
}

/** Change the language; the takes are told anew in it. */
async function speak(code) {
  if (code === language()) return;
  if (desk.state !== "idle") {
    tell("language", note("", say("page.language_later")));
    announce(say("page.language_later"));
    return;
  }
  try {
    const before = page.start;
    const [told, kept] = await Promise.all([api.start(code), api.takes(code)]);
    page.start = told;
    use(code, told.words);
    page.takes = kept.takes;
    if (page.situation) {
      const old = before.situations.find((s) => s.id === page.situation.id);
      const which = old ? sayings(old).indexOf(page.sentence) : -1;
      page.situation = situationOf(page.situation.id);
      if (which >= 0) page.sentence = sayings(page.situation)[which] || page.situation.sentence;
    }
    history.replaceState(null, "", `?lang=${code}`);
  } catch (error) {
    failed(error);
    return;
  }
  drawWords();
  put(byId("notes"));
  put(byId("usual-notes"));
  drawChoose();
  go(page.step, false);
  desk.block(desk.why);
  desk.list();
  document.querySelector(`[data-lang="${code}"]`).focus();
}

async function begin(code) {
  use(code, null);
  try {
    const [told, kept] = await Promise.all([api.start(code), api.takes(code)]);
    page.start = told;
    use(code, told.words);
    page.takes = kept.takes;
    page.usual = kept.baseline.sentences.length;
    page.spoken = kept.baseline.seconds;
  } catch (error) {
    failed(error);
    byId("loading").hidden = true;
    return;
  }
  drawWords();
  byId("loading").hidden = true;
  byId("forget").hidden = false;
  desk = new Desk({ limits: page.start.limits, got, gone: () => trouble.gone() });
  goOn();
}

/** Begin where this tab was before it was loaded again, else with the last sentence that was said. */
function goOn() {
  const { takes } = page;
  const before = recall();
  const last = takes.findLast((t) => t.kind === "take");
  const found = page.start.situations.find((s) => sayings(s).includes(last?.sentence));
  const id = before.situation || found?.id || (last ? "own" : null);
  page.situation = id ? situationOf(id) : null;
  page.sentence = before.sentence ?? last?.sentence ?? page.situation?.sentence ?? "";
  page.skipped = before.skipped || false;
  page.texts = Math.max(before.texts || TEXTS, Math.min(page.usual, page.start.baseline_sentences.length));
  page.shown = before.shown || null;
  byId("story-box").open = !takes.length;
  drawChoose();
  const step = page.situation ? before.step || (takes.length ? "practise" : "choose") : "choose";
  go(step, false);
}

addEventListener("beforeunload", (event) => {
  if (desk && (desk.state !== "idle" || page.unsent)) event.preventDefault();
});

byId("forget").addEventListener("click", () => byId("ask").showModal());
byId("ask-no").addEventListener("click", () => byId("ask").close());
byId("ask-yes").addEventListener("click", forgetAll);
byId("usual-next").addEventListener("click", () => go(page.situation ? "practise" : "choose"));
byId("usual-again").addEventListener("click", () => {
  page.texts = TEXTS;
  page.usual = 0; // each new reading takes the place of the one before
  put(byId("usual-notes"));
  drawUsual();
  drawSteps();
  byId("record").focus();
});
byId("usual-more").addEventListener("click", () => {
  page.texts += 1;
  put(byId("usual-notes"));
  mark();
  drawUsual();
  drawSteps();
  byId("record").focus();
});
byId("usual-skip").addEventListener("click", () => {
  page.skipped = true;
  go(page.situation ? "practise" : "choose");
});
byId("sentence").addEventListener("input", (event) => {
  page.sentence = event.target.value;
  fit();
  mark();
});
for (const one of document.querySelectorAll("[data-step]")) {
  one.addEventListener("click", () => go(one.dataset.step));
}
keyboard(() => desk);
dropping(() => desk);
begin(preferred());
