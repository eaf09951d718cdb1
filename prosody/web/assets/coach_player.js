// Plays a take or a place in it. One player at a time speaks.

let speaking = null;

export class Player extends EventTarget {
  /** `preload`: whether the sound is fetched at once ("auto") or when it is first played ("none"). */
  constructor(source, preload = "auto") {
    super();
    this.audio = new Audio();
    this.audio.preload = preload;
    this.audio.preservesPitch = true; // slower, not lower
    this.audio.src = source;
    this.until = null;
    this.frame = 0;
    const tell = () => this.dispatchEvent(new Event("change"));
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "loadedmetadata"]) {
      this.audio.addEventListener(name, tell);
    }
    this.audio.addEventListener("error", () => this.dispatchEvent(new Event("broken")));
    this.audio.addEventListener("play", () => this.watch());
  }

  get now() {
    return this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** Stop at the end of a place to the frame; timeupdate comes four times a second only. */
  watch() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (this.until !== null && this.audio.currentTime >= this.until) {
        this.until = null;
        this.audio.pause();
      }
      this.dispatchEvent(new Event("change"));
      if (this.playing) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  async play(from = null, to = null) {
    if (speaking && speaking !== this) speaking.stop();
    speaking = this;
    this.until = to;
    if (from !== null) this.audio.currentTime = from;
    else if (this.audio.ended) this.audio.currentTime = 0;
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.dispatchEvent(new Event("broken"));
    }
  }

  stop() {
    this.until = null;
    this.audio.pause();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  seek(seconds) {
    this.until = null;
    this.audio.currentTime = seconds;
  }

  slow(half) {
    this.audio.playbackRate = half ? 0.5 : 1;
  }

  /** Resolve when it has stopped. */
  ended() {
    return new Promise((done) => {
      const look = () => {
        if (this.playing) return;
        this.removeEventListener("change", look);
        done();
      };
      this.addEventListener("change", look);
    });
  }

  close() {
    this.stop();
    cancelAnimationFrame(this.frame);
    this.audio.removeAttribute("src");
    this.audio.load();
    if (speaking === this) speaking = null;
  }
}

/** Be silent, whoever speaks. */
export function hush() {
  speaking?.stop();
}
