// What this tab remembers until it is closed, and what the tabs of one visit tell each other.

const PLACE = "prosody-coach";

/** Keep where somebody is, in this tab only. */
export function remember(where) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(where));
  } catch { /* without storage the page begins at the beginning */ }
}

/** Return what this tab remembered; nothing of a sound is ever in it. */
export function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) || {};
  } catch {
    return {};
  }
}

export class Tabs {
  /** `idle()` tells whether this tab can change now; `doing` has what to do for each message. */
  constructor(idle, doing) {
    Object.assign(this, { idle, doing, waiting: null });
    this.line = new BroadcastChannel(PLACE);
    this.line.onmessage = ({ data }) => {
      // Everything wiped outweighs what was recorded before.
      if (this.waiting !== "forgot") this.waiting = data;
      this.apply();
    };
  }

  tell(what) {
    this.line.postMessage(what);
  }

  /** Do what another tab told, once this one is not recording. */
  apply() {
    if (!this.waiting) return;
    if (!this.idle()) {
      setTimeout(() => this.apply(), 300);
      return;
    }
    const what = this.waiting;
    this.waiting = null;
    this.doing[what]?.();
  }
}
