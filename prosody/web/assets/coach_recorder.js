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

export class Recorder {
  /** `heard(peak, seconds)` is called about twenty times a second; `ended(why)` when it stops itself. */
  constructor({ heard, ended }) {
    Object.assign(this, { heard, ended, chunks: [], count: 0, stream: null, context: null });
  }

  get seconds() {
    return this.context ? this.count / this.context.sampleRate : 0;
  }

  /** Open the microphone and begin; resolves when the first sound is in. */
  async start(deviceId, longest) {
    const wished = { echoCancellation: false, noiseSuppression: false, autoGainControl: false,
      channelCount: { ideal: 1 } };
    if (deviceId) wished.deviceId = { exact: deviceId };
    this.longest = longest;
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wished });
    try {
      const [track] = this.stream.getAudioTracks();
      this.altered = altered(track);
      this.name = track.label;
      await this.connect(track.getSettings?.().sampleRate);
      this.node = new AudioWorkletNode(this.context, "collector", {
        numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
        channelInterpretation: "discrete",
      });
      track.addEventListener("ended", () => this.ended("lost"));
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

  take(piece) {
    if (piece === null) {
      this.flushed?.();
      return;
    }
    this.chunks.push(piece);
    this.count += piece.length;
    let peak = 0;
    for (const value of piece) peak = Math.max(peak, Math.abs(value));
    this.heard(peak, this.seconds);
    if (this.seconds >= this.longest && !this.flushed) this.ended("cut");
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
    const got = { sound: wav(this.chunks, Math.round(rate)), seconds: this.count / rate,
      altered: this.altered, name: this.name };
    await this.close();
    return got;
  }

  async close() {
    this.source?.disconnect();
    this.stream?.getTracks().forEach((t) => t.stop());
    await this.context?.suspend();
    this.chunks = [];
  }
}
