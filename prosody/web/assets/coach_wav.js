// Samples of a microphone as a WAV file: one channel, 16 bit, at the rate they came in.

const HEAD = 44;

/** Return a Blob of a WAV from Float32Arrays in -1..1, of at most so many samples. */
export function wav(chunks, rate, most = Infinity) {
  const count = Math.min(most, chunks.reduce((n, c) => n + c.length, 0));
  const view = new DataView(new ArrayBuffer(HEAD + 2 * count));
  const name = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, HEAD - 8 + 2 * count, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, 2 * count, true);
  let at = HEAD;
  for (const chunk of chunks) {
    for (const value of chunk) {
      if (at >= view.byteLength) break;
      const held = Math.max(-1, Math.min(1, value));
      view.setInt16(at, Math.round(held < 0 ? held * 0x8000 : held * 0x7fff), true);
      at += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
