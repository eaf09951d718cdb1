// What goes wrong between page and program, and how a sound that did not get through is rescued.

import * as api from "./coach_api.js";
import { button, byId } from "./coach_dom.js";
import { download, fileName } from "./coach_keep.js";
import { note, tell, untell } from "./coach_states.js";
import { language, say } from "./coach_words.js";

const RETRY_MS = 3000;

export class Trouble {
  /** `unsent()` is the sound that waits, if any; `back(start)` is called when the program is there again. */
  constructor({ unsent, sendAgain, back }) {
    Object.assign(this, { unsent, sendAgain, back, retry: 0 });
  }

  /** Tell of any error. */
  tell(error) {
    if (error instanceof api.Gone) this.gone();
    else if (error instanceof api.NoSession) this.over();
    else if (error instanceof api.Refused) {
      tell("refused", note("error", error.message, [error.remedy]));
    } else {
      console.error(error);
      tell("refused", note("error", say("error.unexpected"), [say("error.unexpected_how")]));
    }
  }

  waits() {
    return this.unsent() ? say("error.unsent") : "";
  }

  save() {
    return button(say("error.save_unsent"), () => download(this.unsent().sound,
      `${fileName(say("result.sounded"), new Date())}.wav`));
  }

  /** Return the buttons for a sound that did not get through. */
  rescue() {
    if (!this.unsent()) return [];
    if (this.unsent().refused) return [this.save()];
    return [button(say("error.send_again"), this.sendAgain, { class: "strong" }), this.save()];
  }

  /** The page's link is of an earlier start: nothing can be sent any more, only saved. */
  over() {
    tell("session", note("error", say("error.session_title"),
      [say("error.session"), say("error.session_how"), this.waits()],
      ...(this.unsent() ? [this.save()] : [])));
  }

  gone() {
    tell("gone", note("error", say("error.gone_title"),
      [say("error.gone"), say("error.gone_how"), this.waits()], ...this.rescue()));
    byId("loading").hidden = true;
    this.later();
  }

  later() {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.look(), RETRY_MS);
  }

  async look() {
    try {
      const told = await api.start(language());
      untell("gone");
      await this.back(told);
    } catch (error) {
      if (error instanceof api.Gone) this.later();
      else {
        untell("gone");
        this.tell(error);
      }
    }
  }
}
