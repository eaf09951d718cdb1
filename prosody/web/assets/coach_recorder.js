// The microphone: opened when recording begins, closed when it ends, nothing altered if the browser agrees.

import { wav } from "./coach_wav.js";

const ALTERED = { echoCancellation: "echo", noiseSuppression: "noise", autoGainControl: "gain" };

/** Why there can be no recording here, before anything is asked: `insecure`, `unsupported` or null. */
export function hindrance() {
  if (!window.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return "unsupported";
  return null;
}

/** Return the microphones; without permission browsers give no names. */
export async function microphones() {
  if (hindrance() || !navigator.mediaDevices.enumerateDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((d) => d.kind === "audioinput");
}

/** Name what kept a microphone from opening; `gone`: the page's own script for it did not come. */
export function reason(error) {
  if (error.name === "AbortError") return "gone";
  if (["NotAllowedError", "SecurityError", "PermissionDeniedError"].includes(error.name)) return "denied";
  if (["NotFoundError", "OverconstrainedError", "DevicesNotFoundError"].includes(error.name)) {
    return "none";
  }
  return "busy";
}

// A context per rate, asleep between takes: its script is fetched once, and the next take starts at once.
const contexts = new Map();

async function awake(rate) {
  const key = rate || 0;
  if (!contexts.has(key)) {
    const context = new AudioContext(rate ? { sampleRate: rate } : {});
    try {
      await context.audioWorklet.addModule("/assets/coach_worklet.js");
    } catch (error) {
      await context.close();
      throw error;
    }
    contexts.set(key, context);
  }
  const context = contexts.get(key);
  if (context.state === "suspended") await context.resume();
  return context;
}

function altered(track) {
  const now = track.getSettings ? track.getSettings() : {};
  const on = Object.keys(ALTERED).filter((k) => now[k] === true).map((k) => ALTERED[k]);
  const unknown = Object.keys(ALTERED).every((k) => now[k] === undefined);
  return { on, unknown };
}

const FADE_S = 0.02; // how fast the level before a silence is forgotten
const ZEROS_S = 0.25; // exact zeros for so long, where a voice was cut off in the middle
const CUT_OFF = 0.03; // 30 dB below the loudest: a noise gate closes below that, a mute does not
const GAP_MS = 750; // the clock ran on by so much more than the sound
const ELSEWHERE = 100; // power: the voice is on the second channel only

/** Finds exact zeros right after a loud sound: somebody or something turned the microphone off. */
class Silenced {
  constructor(rate) {
    Object.assign(this, { forget: Math.exp(-1 / (FADE_S * rate)), long: ZEROS_S * rate,
      level: 0, loudest: 0.003, edge: 0, run: 0 });
  }

  /** Take in a piece; return whether the microphone was silenced. */
  hears(piece) {
    for (const value of piece) {
      const size = Math.abs(value);
      if (size === 0) {
        if (this.run === 0) this.edge = this.level;
        this.run += 1;
        if (this.run >= this.long && this.edge > CUT_OFF * this.loudest) return true;
      } else {
        this.run = 0;
        this.loudest = Math.max(this.loudest, size);
      }
      this.level = Math.max(size, this.level * this.forget);
    }
    return false;
  }
}

export class Recorder {
  /** `heard(peak, seconds)` is called about twenty times a second; `ended(why)` when it stops itself:
   * `cut` at the limit, `lost`, `muted`, `silenced` or `asleep` where the sound was interrupted. */
  constructor({ heard, ended }) {
    Object.assign(this, { heard, ended, channels: [[], []], power: [0, 0], count: 0, stream: null,
      context: null, last: null });
  }

  get seconds() {
    return this.context ? this.count / this.context.sampleRate : 0;
  }

  /** Open the microphone and begin; resolves when the first sound is in. */
  async start(deviceId, longest) {
    const wished = { echoCancellation: false, noiseSuppression: false, autoGainControl: false,
      channelCount: { ideal: 2 } };
    if (deviceId) wished.deviceId = { exact: deviceId };
    this.longest = longest;
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wished });
    try {
      const [track] = this.stream.getAudioTracks();
      this.altered = altered(track);
      this.name = track.label;
      await this.connect(track.getSettings?.().sampleRate);
      this.silenced = new Silenced(this.context.sampleRate);
      this.node = new AudioWorkletNode(this.context, "collector", {
        numberOfOutputs: 0, channelCount: 2, channelCountMode: "max",
        channelInterpretation: "discrete",
      });
      track.addEventListener("ended", () => this.break("lost"));
      track.addEventListener("mute", () => this.break("muted"));
      this.sleeps = () => { if (this.context.state !== "running") this.break("asleep"); };
      this.context.addEventListener("statechange", this.sleeps);
      await new Promise((first) => {
        this.node.port.onmessage = ({ data }) => {
          this.take(data);
          first();
        };
        this.source.connect(this.node);
      });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async connect(rate) {
    this.context = await awake(rate);
    try {
      this.source = this.context.createMediaStreamSource(this.stream);
    } catch (error) {
      // Firefox wants the stream at the rate that it plays at.
      if (error.name !== "NotSupportedError") throw error;
      this.context = await awake();
      this.source = this.context.createMediaStreamSource(this.stream);
    }
  }

  break(why) {
    if (!this.flushed) this.ended(why);
  }

  take(piece) {
    if (piece === null) {
      this.flushed?.();
      return;
    }
    const { parts, at_ms } = piece;
    const size = parts[0].length;
    const late = this.last === null ? 0 : at_ms - this.last - (1000 * size) / this.context.sampleRate;
    this.last = at_ms;
    this.count += size;
    let peak = 0;
    [0, 1].forEach((c) => {
      const part = parts[c] || parts[0];
      this.channels[c].push(part);
      for (const value of part) {
        peak = Math.max(peak, Math.abs(value));
        this.power[c] += value * value;
      }
    });
    this.heard(peak, this.seconds);
    if (late > GAP_MS) this.break("asleep");
    else if (this.silenced.hears(this.voice(parts))) this.break("silenced");
    else if (this.seconds >= this.longest) this.break("cut");
  }

  /** Return the channel that has the voice: the first, unless it is all but empty. */
  voice(channels) {
    return this.power[1] > ELSEWHERE * this.power[0] ? channels[1] || channels[0] : channels[0];
  }

  /** Stop; returns the sound, its length, and what the browser altered. */
  async stop() {
    if (this.node) {
      const done = new Promise((flushed) => { this.flushed = flushed; });
      this.node.port.postMessage("stop");
      // A device that was pulled out no longer answers.
      await Promise.race([done, new Promise((late) => setTimeout(late, 500))]);
    }
    const rate = this.context.sampleRate;
    const most = Math.floor(this.longest * rate); // what came while it was being stopped is cut off
    const got = { sound: wav(this.voice(this.channels), Math.round(rate), most),
      seconds: Math.min(this.count, most) / rate, altered: this.altered, name: this.name };
    await this.close();
    return got;
  }

  async close() {
    this.context?.removeEventListener("statechange", this.sleeps);
    this.source?.disconnect();
    this.stream?.getTracks().forEach((t) => t.stop());
    await this.context?.suspend();
    this.channels = [[], []];
  }
}
