// Ways to the recorder besides its button: the space bar, and a file dropped on the page.

import { byId } from "./coach_dom.js";
import { hush } from "./coach_player.js";
import { note, tell } from "./coach_states.js";
import { say } from "./coach_words.js";

const TEXTS = "textarea, input, select, dialog";
const PRESSED = "button, a, summary";

/** Space records and stops, unless somebody types or presses a button with it; Escape is silence. */
export function keyboard(desk) {
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") hush();
    if (event.key !== " " || !desk() || byId("recorder").hidden) return;
    const { target } = event;
    if (target === byId("record") || target.closest(TEXTS)) return;
    // While recording it stops, wherever the focus is.
    if (target.closest(PRESSED) && desk().state !== "recording") return;
    event.preventDefault();
    hush();
    desk().press();
  });
}

/** A file may be dropped anywhere on the page where there is a recorder. */
export function dropping(desk) {
  let depth = 0;
  const veil = byId("drop");
  const may = (event) => desk() && !byId("recorder").hidden
    && [...event.dataTransfer.types].includes("Files");
  const over = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => { if (may(event)) over(1); });
  addEventListener("dragleave", () => over(-1));
  // Without this the browser would open the file in place of the page.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    const { files } = event.dataTransfer;
    if (!may(event) || !files.length) return;
    if (files.length > 1) tell("refused", note("", say("error.one_file")));
    desk().file(files[0]);
  });
}
