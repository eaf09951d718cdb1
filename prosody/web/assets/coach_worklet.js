// Runs beside the sound card: collects what the microphone gives and hands it over in pieces, each
// with the time of the clock, so that the page sees where some is missing.

class Collector extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pieces = [new Float32Array(2048), new Float32Array(2048)];
    this.filled = 0;
    this.stereo = false;
    this.open = true;
    this.port.onmessage = () => {
      this.open = false;
      this.hand();
      this.port.postMessage(null);
    };
  }

  hand() {
    if (!this.filled) return;
    const parts = this.pieces.slice(0, this.stereo ? 2 : 1).map((p) => p.slice(0, this.filled));
    this.port.postMessage({ parts, at_ms: Date.now() }, parts.map((p) => p.buffer));
    this.filled = 0;
    this.stereo = false;
  }

  process(inputs) {
    if (!this.open) return false;
    const [first, second] = inputs[0];
    if (!first) return true;
    const [a, b] = this.pieces;
    this.stereo ||= Boolean(second);
    for (let i = 0; i < first.length; i += 1) {
      a[this.filled] = first[i];
      b[this.filled] = second ? second[i] : first[i];
      this.filled += 1;
      if (this.filled === a.length) this.hand();
    }
    return true;
  }
}

registerProcessor("collector", Collector);
