// Keeping a take: in the folder the program was given, in one the visitor chooses, or as a download.

import * as api from "./coach_api.js";
import { el } from "./coach_dom.js";
import { language } from "./coach_words.js";

/** Offer a blob as a download. */
export function download(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Return a file name from a take's: the page's own words and the time, nothing of the visitor's. */
export function fileName(name, created) {
  const when = new Date(created);
  const stamp = Number.isNaN(when.valueOf()) ? "" : when.toISOString().slice(0, 19).replace(/[:T]/g, "-");
  const plain = name.normalize("NFKD").replace(/[^\w]+/g, "-").toLowerCase();
  return [plain, stamp].filter(Boolean).join("-");
}

async function write(folder, name, blob) {
  const file = await folder.getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  await stream.write(blob);
  await stream.close();
}

/** Keep a take; returns {how: `folder`, `chosen`, `download` or `none`, folder}. */
export async function keep(take, name, hasFolder) {
  const lang = language();
  if (hasFolder) {
    const told = await api.keepThere(take.id, lang);
    return { how: "folder", folder: told.folder || "" };
  }
  const base = fileName(name, take.created);
  if (window.showDirectoryPicker) {
    let folder;
    try {
      folder = await window.showDirectoryPicker({ id: "prosody-coach", mode: "readwrite" });
    } catch (error) {
      if (error.name === "AbortError") return { how: "none" };
      throw error;
    }
    await write(folder, `${base}.flac`, await api.kept(take.id, "flac", lang));
    await write(folder, `${base}.json`, await api.kept(take.id, "json", lang));
    return { how: "chosen", folder: folder.name };
  }
  download(await api.kept(take.id, "zip", lang), `${base}.zip`);
  return { how: "download" };
}
