// Plays one sound; knows whether it was heard to its end.

let speaking = null;

export class Sound extends EventTarget {
  constructor() {
    super();
    this.audio = new Audio();
    this.heard = false;
    this.source = null;
    this.frame = 0;
    this.until = null;
    const tell = (name) => this.dispatchEvent(new Event(name));
    this.audio.addEventListener("play", () => { tell("change"); this.watch(); });
    this.audio.addEventListener("pause", () => tell("change"));
    this.audio.addEventListener("ended", () => {
      this.heard = true;
      tell("change");
      tell("heard");
    });
    this.audio.addEventListener("error", () => { if (this.source) tell("broken"); });
  }

  /** Take a new sound, not heard yet. */
  load(blob) {
    this.clear();
    this.source = URL.createObjectURL(blob);
    this.audio.src = this.source;
  }

  clear() {
    this.audio.pause();
    cancelAnimationFrame(this.frame);
    if (this.source) URL.revokeObjectURL(this.source);
    this.source = null;
    this.heard = false;
    this.audio.removeAttribute("src");
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** How far it is, 0 to 1. */
  get share() {
    const { currentTime, duration } = this.audio;
    return Number.isFinite(duration) && duration > 0 ? Math.min(1, currentTime / duration) : 0;
  }

  watch() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (this.until !== null && this.audio.currentTime >= this.until) this.stop();
      this.dispatchEvent(new Event("moved"));
      if (this.playing) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** Play; a part of it where `from` and `until` are given, seconds. */
  async play(from = null, until = null) {
    if (!this.source) return;
    this.until = until;
    if (from !== null) this.audio.currentTime = from;
    if (speaking && speaking !== this) speaking.stop();
    speaking = this;
    try {
      await this.audio.play();
    } catch (error) {
      // A browser that wants a gesture first refuses to play by itself: the button is there.
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") {
        this.dispatchEvent(new Event("broken"));
      }
    }
  }

  stop() {
    this.audio.pause();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }
}
