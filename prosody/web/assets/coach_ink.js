// Colours of the stylesheet for what is drawn on a canvas, and telling when they change.

const dark = matchMedia("(prefers-color-scheme: dark)");

export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Call back when light becomes dark or the other way round; returns what stops it. */
export function onScheme(callback) {
  dark.addEventListener("change", callback);
  return () => dark.removeEventListener("change", callback);
}

/** The font of the page at a size that is read at arm's length. */
export function font(px = 14) {
  return `${px * (window.devicePixelRatio || 1)}px system-ui, "DejaVu Sans", sans-serif`;
}

/** Fonts of uPlot's axes: it multiplies by the pixel ratio itself. */
export const axisFont = (px = 13) => `${px}px system-ui, "DejaVu Sans", sans-serif`;
