// The page to practise: which step is shown, what has been recorded, and what happens next.

import * as api from "./coach_api.js";
import { Compare } from "./coach_compare.js";
import { Desk } from "./coach_desk.js";
import { dropping, keyboard } from "./coach_ways.js";
import { button, byId, el, put } from "./coach_dom.js";
import { keep } from "./coach_keep.js";
import { Player, hush } from "./coach_player.js";
import { result } from "./coach_result.js";
import { announce, empty, note, tell, untell, waiting } from "./coach_states.js";
import { listTakes, nameOf } from "./coach_takes.js";
import { Trouble } from "./coach_trouble.js";
import { apply, language, number, preferred, say, use } from "./coach_words.js";

const STEPS = ["choose", "usual", "practise"];

const page = {
  start: null, step: "choose", situation: null, sentence: "", takes: [], shown: null,
  usual: 0, spoken: 0, skipped: false, kind: "take", unsent: null, card: null, player: null,
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

async function sendAgain() {
  const { unsent } = page;
  if (unsent && desk.state === "idle") await desk.offer(unsent);
}

// --- steps

function usualDone() {
  return page.usual >= page.start.baseline_sentences.length;
}

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
  const own = { id: "own", title: say("choose.own_title"), story: say("choose.own_story"), sentence: "" };
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

/** Two sentences that were clipped off or swallowed: what follows would not be compared with them. */
function short() {
  return note("care", say("usual.short"), [say("usual.short_how",
    { seconds: number(page.spoken), least: number(page.start.limits.baseline_s, 0) })]);
}

function drawUsual() {
  const all = page.start.baseline_sentences;
  const finished = usualDone();
  put(byId("usual-sentences"), all.map((text, i) => {
    const state = i < page.usual ? "done" : i === page.usual ? "now" : "later";
    return el("li", { class: state, "aria-current": state === "now" ? "true" : null },
      el("span", { class: "small" }, state === "done" ? say("usual.got", { n: i + 1 })
        : say("usual.nth", { n: i + 1, of: all.length })),
      el("p", { class: "say" }, text));
  }));
  if (finished) put(byId("usual-notes"), enough() ? note("good", say("usual.done")) : short());
  byId("usual-next").hidden = byId("usual-again").hidden = !finished;
  byId("usual-skip").hidden = finished;
  byId("usual-why").hidden = finished;
}

function drawPractise() {
  const s = page.situation;
  byId("practise-title").textContent = s.title;
  byId("story").textContent = s.story;
  byId("story").hidden = s.id === "own";
  byId("edit").hidden = s.id === "own";
  byId("sentence").value = page.sentence;
  byId("suggestions").hidden = !s.suggestions?.length;
  put(byId("suggestions"), el("summary", {}, say("situation.suggestions")),
    (s.suggestions || []).map((text) => button(text, () => {
      page.sentence = text;
      byId("sentence").value = text;
      fit();
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
  page.card = page.player = null;
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
  page.card = result(take, name, player, el("div", { class: "buttons" }, save),
    page.start.judge.note);
  put(byId("result"), page.card.node);
  page.card.draw();
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
  const sentence = usual ? page.start.baseline_sentences[Math.min(page.usual, 1)] : page.sentence;
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
  } catch (error) {
    const refused = error instanceof api.Refused;
    // What is wrong with the program is not wrong with the sound: it can be offered again.
    page.unsent = refused && error.status < 500 ? null : { ...sound, kind, sentence };
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
  const little = usualDone() && !enough();
  announce(little ? say("usual.short") : say("usual.got", { n: page.usual }));
  drawUsual();
  drawSteps();
  if (usualDone()) byId(little ? "usual-again" : "usual-next").focus();
}

/** Takes are judged against the usual voice: with another one they are told anew. */
async function askAnew() {
  try {
    const kept = await api.takes(language());
    page.takes = kept.takes;
    page.spoken = kept.baseline.seconds;
  } catch (error) {
    failed(error);
  }
}

function heardTake(take) {
  page.takes.push(take);
  page.shown = take.id;
  setKind("take");
  showTake(take.id);
  drawTakes();
  const [problem] = take.quality.problems;
  announce(problem && !take.judgement ? say("result.problems_new", { message: problem.message })
    : say("result.new", { headline: take.judgement?.headline || say("result.no_verdict") }));
  if (byId("result").getBoundingClientRect().top > innerHeight * 0.6) {
    byId("result").scrollIntoView({ block: "start" });
  }
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
  closeCard();
  Object.assign(page, { takes: [], shown: null, usual: 0, spoken: 0, skipped: false,
    situation: null, sentence: "", unsent: null });
  compare.touched = false;
  put(byId("usual-notes"));
  put(byId("notes"));
  drawChoose();
  go("choose");
  tell("forgot", note("good", say("forget.done")));
  announce(say("forget.done"));
}

function drawWords() {
  apply();
  document.title = say("page.title");
  byId("use").href = `/assets/coach_use.${language()}.html`;
  byId("version").textContent = say("page.version", { version: page.start.version });
  const names = { nl: "Nederlands", en: "English" };
  put(byId("languages"), page.start.languages.map((code) => button(names[code] || code,
    () => speak(code), { lang: code, "aria-pressed": String(code === language()), "data-lang": code })));
}

/** Change the language; the takes are told anew in it. */
async function speak(code) {
  if (code === language() || desk.state !== "idle") return;
  try {
    const before = page.start;
    const [told, kept] = await Promise.all([api.start(code), api.takes(code)]);
    page.start = told;
    use(code, told.words);
    page.takes = kept.takes;
    if (page.situation) {
      const unchanged = page.sentence === page.situation.sentence
        || (before.situations.find((s) => s.id === page.situation.id)?.suggestions || [])
          .includes(page.sentence);
      page.situation = told.situations.find((s) => s.id === page.situation.id)
        || { id: "own", title: say("choose.own_title"), story: "", sentence: "" };
      if (unchanged) page.sentence = page.situation.sentence;
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
  drawChoose();
  if (page.takes.length) {
    // The page was loaded again: the takes are still with the program.
    page.situation = { id: "own", title: say("choose.own_title"), story: "", sentence: "" };
    go("practise", false);
  } else go("choose", false);
}

byId("forget").addEventListener("click", () => byId("ask").showModal());
byId("ask-no").addEventListener("click", () => byId("ask").close());
byId("ask-yes").addEventListener("click", forgetAll);
byId("usual-next").addEventListener("click", () => go(page.situation ? "practise" : "choose"));
byId("usual-again").addEventListener("click", () => {
  page.usual = 0; // each new reading takes the place of the one before
  put(byId("usual-notes"));
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
});
for (const one of document.querySelectorAll("[data-step]")) {
  one.addEventListener("click", () => go(one.dataset.step));
}
keyboard(() => desk);
dropping(() => desk);
begin(preferred());
