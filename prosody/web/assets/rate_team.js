// Invitations, for whoever started the server.
import * as api from "./rate_api.js";
import { byId, button, el, put } from "./coach_dom.js";
import { language, say } from "./coach_words.js";

const LOOK_MS = 5000;
let made = null;
let asking = null; // the invitation whose end is being asked about
let looking = 0;

/** Look no more whether others went on. */
export function rest() {
  clearTimeout(looking);
}

/** Fill the box with what is there now, and keep it so; `failed` is told what goes wrong at a press
 * of a button. */
export async function team(failed) {
  const found = await api.invitations();
  const { days } = found;
  rest();
  looking = setTimeout(() => {
    const reads = byId("team-body").contains(document.activeElement) || !byId("team").open;
    // What has the focus is not drawn anew under the hand of whoever uses it.
    (reads ? later(failed) : team(failed)).catch(() => later(failed));
  }, LOOK_MS);
  put(byId("team-body"),
    el("p", {}, days === 1 ? say("team.lead_one") : say("team.lead", { days })),
    found.network ? null : el("p", { class: "note" }, say("team.only_here")),
    el("div", { class: "buttons" },
      button(say("team.make"),
        () => invite(failed).catch(failed))),
    made ? link(made) : null,
    found.invitations.length
      ? el("ul", { id: "team-list", "aria-label": say("team.list") },
        found.invitations.map((one) => line(one, failed)))
      : el("p", { class: "small" }, say("team.none")));
}

async function later(failed) {
  rest();
  looking = setTimeout(() => team(failed).catch(() => later(failed)), LOOK_MS);
}

async function invite(failed) {
  made = await api.invite();
  await team(failed);
}

function link(one) {
  const field = el("input", { type: "text", id: "team-link", readonly: true, value: one.link,
    onfocus: () => field.select() });
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(one.link);
    } catch {
      document.execCommand("copy"); // without TLS there is no clipboard to write to
    }
    byId("said").textContent = say("team.copied");
  };
  return el("div", { class: "copy" },
    el("div", { class: "field" },
      el("label", { for: "team-link" }, say("team.made", { id: one.id })), field),
    button(say("team.copy"), copy));
}

function line(one, failed) {
  const date = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" })
    .format(new Date(one.expires_s * 1000));
  const who = one.rater
    ? `${one.rater.name}: ${say("welcome.so_far", one.rater)}` : say("team.unused");
  const change = async (undo) => {
    await api.revoke(one.id, undo);
    if (!undo && made && made.id === one.id) made = null;
    asking = null;
    await team(failed);
    byId("team-body").querySelector(`[data-id="${one.id}"] button`)?.focus();
  };
  const ask = (which) => {
    asking = which;
    team(failed).then(() => byId("team-body").querySelector(`[data-id="${one.id}"] button`)?.focus())
      .catch(failed);
  };
  const named = say("team.nth", { id: one.id });
  const act = (word, doing, cls) => button(say(word), doing,
    { class: cls, "aria-label": `${say(word)}: ${named}` });
  const buttons = {
    open: asking === one.id
      ? [el("span", { role: "alert" }, say("team.sure")), act("team.revoke", () => change(false).catch(failed), "danger"),
        act("team.keep", () => ask(null), "")]
      : [act("team.revoke", () => ask(one.id), "danger")],
    revoked: [act("team.undo", () => change(true).catch(failed), "")],
    expired: [],
  };
  return el("li", { "data-id": one.id },
    el("strong", {}, named),
    el("span", {}, one.state === "open" ? say("team.open", { date }) : say(`team.${one.state}`)),
    el("span", { class: "small" }, who),
    el("span", { class: "buttons" }, buttons[one.state]));
}
