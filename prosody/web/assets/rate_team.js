// Invitations, for whoever started the server.
import * as api from "./rate_api.js";
import { byId, button, el, put } from "./coach_dom.js";
import { language, say } from "./coach_words.js";

let made = null;

/** Fill the box with what is there now; `failed` is told what goes wrong at a press of a button. */
export async function team(failed) {
  const found = await api.invitations();
  const { days } = found;
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
  const end = async () => {
    await api.revoke(one.id);
    if (made && made.id === one.id) made = null;
    await team(failed);
  };
  return el("li", {},
    el("strong", {}, say("team.nth", { id: one.id })),
    el("span", {}, one.state === "open" ? say("team.open", { date }) : say(`team.${one.state}`)),
    el("span", { class: "small" }, who),
    one.state === "open"
      ? button(say("team.revoke"), () => end().catch(failed),
        { class: "danger", "aria-label": `${say("team.revoke")}: ${say("team.nth", { id: one.id })}` })
      : el("span", {}));
}
