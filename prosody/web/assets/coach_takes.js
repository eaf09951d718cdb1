// The takes of this visit, the example to imitate, and what can be done with each.

import { button, byId, el, put } from "./coach_dom.js";
import { say, number } from "./coach_words.js";

/** Return what a take is called: its own kind counted by itself, in order of arrival. */
export function nameOf(take, all) {
  const same = all.filter((t) => t.kind === take.kind);
  const n = same.findIndex((t) => t.id === take.id) + 1;
  if (take.kind === "example") return say(same.length > 1 ? "takes.example_n" : "takes.example", { n });
  return say("takes.take", { n });
}

function row(take, all, shown, doing) {
  const name = nameOf(take, all);
  const gist = take.judgement?.headline || take.quality.problems[0]?.message || "";
  return el("li", { class: take.id === shown ? "shown" : null },
    el("div", { class: "what" },
      el("span", { class: "name" }, name, " ", el("span", { class: "small number" },
        say("page.seconds", { n: number(take.duration_s, 1) }))),
      gist ? el("span", { class: "small gist" }, gist) : null),
    el("div", { class: "buttons" },
      take.id === shown ? el("span", { class: "small" }, say("takes.shown"))
        : button(say("takes.show"), () => doing.show(take.id),
          { "aria-label": say("takes.show_named", { name }) }),
      button(say("takes.delete"), () => doing.remove(take.id),
        { class: "plain", "aria-label": say("takes.delete_named", { name }) })));
}

/** Fill the card of takes. `doing` has show, remove, exampleFile, exampleRecord, and exampleOwn where there is one. */
export function listTakes(all, shown, doing) {
  const file = el("input", { type: "file", id: "example-file", accept: "audio/*", class: "unseen",
    tabindex: -1, "aria-label": say("takes.example_file"),
    onchange: () => { if (file.files.length) doing.exampleFile(file.files[0]); } });
  put(byId("takes"),
    el("h2", { id: "takes-title" }, say("takes.title")),
    all.length ? el("ol", { class: "rows" }, all.map((t) => row(t, all, shown, doing)))
      : el("p", { class: "small" }, say("takes.none")),
    all.length ? el("p", { class: "small" }, say("keep.note")) : null,
    el("details", { class: "example" }, el("summary", {}, say("takes.add_example")),
      el("p", { class: "small" }, say("takes.example_text")),
      el("div", { class: "buttons" },
        doing.exampleOwn ? button(say("takes.example_own"), doing.exampleOwn, { id: "example-own", class: "strong" })
          : null,
        button(say("takes.example_file"), () => file.click(), { id: "example-choose" }),
        button(say("takes.example_record"), doing.exampleRecord, { id: "example-record" })), file));
}
