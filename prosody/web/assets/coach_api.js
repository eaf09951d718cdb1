// What the page asks of the program beside it. Nothing else is ever asked for.

/** An answer that says no, with what was found and what to do. */
export class Refused extends Error {
  constructor(code, message, remedy, status) {
    super(message || code);
    Object.assign(this, { code, remedy: remedy || "", status });
  }
}

/** No answer at all. */
export class Gone extends Error {}

/** The program answers, but does not know this page any more. */
export class NoSession extends Error {}

async function ask(path, how = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "same-origin", ...how });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Gone(String(error));
  }
  if (answer.ok) return answer;
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // Not JSON: the status alone has to do.
  }
  if (answer.status === 403) throw new NoSession(told.message);
  throw new Refused(told.code || String(answer.status), told.message, told.remedy, answer.status);
}

const json = async (path, how) => (await ask(path, how)).json();
const query = (values) => String(new URLSearchParams(values));
const one = (id) => `/api/takes/${encodeURIComponent(id)}`;

export const start = (lang) => json(`/api/start?${query({ lang })}`);
export const exampleOf = async (id, lang) =>
  (await ask(`/api/situations/${encodeURIComponent(id)}/example?${query({ lang })}`)).blob();
export const takes = (lang) => json(`/api/takes?${query({ lang })}`);
export const send = (sound, kind, lang, sentence) =>
  json(`/api/takes?${query({ kind, lang, sentence })}`, {
    method: "POST", body: sound, headers: { "Content-Type": sound.type || "application/octet-stream" },
  });
export const remove = (id) => ask(one(id), { method: "DELETE" });
export const forget = () => ask("/api/forget", { method: "POST" });
export const compare = (a, b, lang, how) => json(`/api/compare?${query({ a, b, lang })}`, how);
export const words = (id, lang) => json(`${one(id)}/words?${query({ lang })}`);
export const version = (id, how, lang) => json(`${one(id)}/versions/${how}?${query({ lang })}`);
export const soundOfVersion = (id, how) => `${one(id)}/versions/${how}/sound`;
export const versionToSave = async (id, how) =>
  (await ask(`${soundOfVersion(id, how)}?${query({ form: "flac" })}`)).blob();
export const soundOf = (id) => `${one(id)}/sound`;
export const kept = async (id, what, lang) =>
  (await ask(`${one(id)}/keep?${query({ what, lang })}`)).blob();
export const keepThere = (id, lang) =>
  json(`${one(id)}/keep?${query({ lang })}`, { method: "POST" });
