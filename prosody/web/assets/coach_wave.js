// The waveform, by wavesurfer. Its own style is a <style> in a shadow tree, which the page's policy
// forbids. It is made outside of the document, where nothing is applied yet, and its style is
// adopted as a sheet of the program's own instead.

import WaveSurfer from "/vendor/wavesurfer.esm.js";

function restyle(host) {
  const tree = host.shadowRoot;
  const sheet = new CSSStyleSheet();
  for (const style of tree.querySelectorAll("style")) {
    sheet.replaceSync(style.textContent);
    style.remove();
  }
  tree.adoptedStyleSheets = [sheet];
}

/** Return a wavesurfer over `audio` in `place`; `peaks` in 0..1 over `seconds`. */
export function wave(place, audio, peaks, seconds, colour) {
  const loose = document.createElement("div");
  const made = WaveSurfer.create({
    container: loose, media: audio, peaks: [peaks], duration: seconds,
    height: "auto", waveColor: colour, progressColor: colour, cursorWidth: 0,
    interact: false, normalize: true, hideScrollbar: true, barWidth: 3, barGap: 2, barRadius: 2,
  });
  restyle(loose.firstElementChild);
  loose.className = "wave";
  place.append(loose);
  return made;
}
