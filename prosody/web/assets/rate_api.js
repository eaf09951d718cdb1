// What the page asks of the server, and the answer that waits while there is no connection.

/** An answer that says no, with what was found and what to do. */
export class Refused extends Error {
  constructor(told, status) {
    super(told.message || String(status));
    Object.assign(this, { code: told.code || String(status), remedy: told.remedy || "", status });
  }
}

/** No answer at all: the server is gone, or the network is. */
export class Gone extends Error {}

let lang = "en";
const AGAIN = "prosody-rate/again";

export function speak(code) {
  lang = code;
}

async function ask(path, how = {}, values = {}) {
  const query = new URLSearchParams({ lang, ...values });
  let answer;
  try {
    answer = await fetch(`/api/rate/${path}?${query}`, { cache: "no-store", ...how });
  } catch (error) {
    throw new Gone(String(error));
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  // Started anew, the server does not know this browser any more; it does know the listener.
  if (told.code === "no_session" && comeBack()) return new Promise(() => {});
  throw new Refused(told, answer.status);
}

const json = async (...what) => (await ask(...what)).json();
const post = (path, data = {}) => json(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data),
});
const sound = async (...what) => (await ask(...what)).blob();

export const start = () => json("start");
export const begin = (name, known = false) => post("rater", { name, known });
export const leave = () => post("leave");
export const trial = (at = null) => json("trial", {}, at === null ? {} : { at });
export const soundOf = (at) => sound("sound", {}, { at });
export const anchor = (n) => sound("anchor", {}, { n });
export const answer = (data) => post("answer", data);
export const invitations = () => json("invitations");
export const invite = () => post("invitations");
export const revoke = (id, undo = false) => post("revoke", { id, undo });

// --- coming back after a restart

/** Keep, in this tab only, with what the page can come in again. */
export function remember(token) {
  try {
    if (token) sessionStorage.setItem(AGAIN, token);
    else sessionStorage.removeItem(AGAIN);
  } catch { /* without storage the link has to be opened again */ }
}

function comeBack() {
  let token = null;
  try {
    token = sessionStorage.getItem(AGAIN);
    sessionStorage.removeItem(AGAIN); // once: what is refused then is refused
  } catch { /* see above */ }
  if (!token) return false;
  location.replace(`/?token=${encodeURIComponent(token)}`);
  return true;
}

// --- the answer that is on its way; it stays until the server has it, also over a reload

const memory = new Map();
const place = (name) => `prosody-rate/answer/${name}`;

export function keep(name, data) {
  memory.set(name, data);
  try {
    localStorage.setItem(place(name), JSON.stringify(data));
  } catch { /* memory has it */ }
}

export function kept(name) {
  try {
    const text = localStorage.getItem(place(name));
    if (text) return JSON.parse(text);
  } catch { /* memory has it */ }
  return memory.get(name) || null;
}

export function drop(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(place(name));
  } catch { /* memory had it */ }
}
