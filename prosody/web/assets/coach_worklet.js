// Runs beside the sound card: collects what the microphone gives and hands it over in pieces.

class Collector extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(2048);
    this.filled = 0;
    this.open = true;
    this.port.onmessage = () => {
      this.open = false;
      this.hand();
      this.port.postMessage(null);
    };
  }

  hand() {
    if (!this.filled) return;
    const part = this.piece.slice(0, this.filled);
    this.port.postMessage(part, [part.buffer]);
    this.filled = 0;
  }

  process(inputs) {
    if (!this.open) return false;
    const channels = inputs[0];
    if (!channels.length) return true;
    // Only the first channel: a microphone's second is the same sound or nothing.
    for (const value of channels[0]) {
      this.piece[this.filled] = value;
      this.filled += 1;
      if (this.filled === this.piece.length) this.hand();
    }
    return true;
  }
}

registerProcessor("collector", Collector);
