// The table of calls: filters, order and page live in the address, so that Back finds them again.
(function () {
  "use strict";
  var one = function (s) { return document.querySelector(s); };
  var all = function (s) { return Array.prototype.slice.call(document.querySelectorAll(s)); };
  var data = JSON.parse(one("#data").textContent), words = data.words, PER_PAGE = 50;
  // The rows are those that readers without scripts see; parsed apart, nothing in them can run.
  var still = new DOMParser().parseFromString(one("#all-rows").textContent, "text/html");
  var collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  var rows = Array.prototype.map.call(still.querySelectorAll("tbody tr"), function (tr) {
    var d = tr.dataset, cells = tr.children;
    return { tr: tr, page: Number(d.page), order: Number(d.page), why: d.why ? d.why.split(" ") : [],
      weight: Number(d.weight), rule: d.rule ? d.rule.split(" ") : [], missed: Number(d.missed),
      sounded: d.sounded ? d.sounded.split(" ") : [], complaint: d.complaint, apology: d.apology,
      act: d.act ? d.act.split(" ") : [],
      length: Number(d.length), clips: d.clips ? d.clips.split(" ") : [], recording: d.call,
      call: cells[1].textContent, said: cells[3].textContent,
      text: (cells[1].textContent + " " + cells[3].textContent).toLocaleLowerCase() };
  });
  var FIELDS = ["search", "why", "rule", "complaint", "apology", "act", "sounded", "rated", "reviewed"];
  var form = one("#filters"), sort = "order", down = false, page = 0, found = rows, texts = null, asked = false;

  // --- the address
  function state() {
    var out = new URLSearchParams();
    FIELDS.forEach(function (f) { var e = one("#" + f); if (e && e.value) out.set(f, e.value); });
    if (sort !== "order" || down) out.set("sort", (down ? "-" : "") + sort);
    if (page) out.set("page", page + 1);
    return out;
  }
  function restore() {
    var got = prosody.hash();
    FIELDS.forEach(function (f) {
      var e = one("#" + f);
      if (!e) return;
      e.value = got.get(f) || "";
      if (e.selectedIndex === -1) e.value = "";
    });
    var by = got.get("sort") || "order";
    down = by[0] === "-";
    sort = down ? by.slice(1) : by;
    if (!one('button[data-sort="' + sort + '"]')) { sort = "order"; down = false; }
    page = Math.max(0, (Number(got.get("page")) || 1) - 1);
    filter();
  }
  function address(push) {
    var now = "#" + state().toString();
    if (now === location.hash || (now === "#" && !location.hash)) return;
    try { history[push ? "pushState" : "replaceState"](null, "", now); }
    catch (e) { location.replace(now); }
  }

  // --- everything that was said is a file of its own, read when somebody first searches
  function need_texts() {
    if (asked) return;
    asked = true;
    var script = document.createElement("script");
    script.src = data.texts;
    script.nonce = data.nonce;
    script.onload = function () {
      texts = window.prosodyTexts || {};
      rows.forEach(function (r) { r.text += " " + String(texts[r.page] || "").toLocaleLowerCase(); });
      filter(); draw();
    };
    script.onerror = function () { texts = {}; draw(); };
    document.head.appendChild(script);
  }
  function reviewed(r) { return Object.keys(prosody.kept(prosody.REVIEW + r.recording)).length > 0; }
  function value(id) { var e = one("#" + id); return e ? e.value : ""; }
  function filter() {
    var text = value("search").trim().toLocaleLowerCase(), why = value("why"), rule = value("rule");
    var complaint = value("complaint"), apology = value("apology");
    var act = value("act"), sounded = value("sounded"), mine = value("rated"), seen = value("reviewed");
    if (text) need_texts();
    if (prosody.blind()) sounded = "";
    found = rows.filter(function (r) {
      return (!text || r.text.indexOf(text) >= 0) &&
        (!why || r.why.indexOf(why) >= 0) && (!rule || r.rule.indexOf(rule) >= 0) &&
        (!complaint || r.complaint === complaint) && (!apology || r.apology === apology) &&
        (!act || r.act.indexOf(act) >= 0) && (!sounded || r.sounded.indexOf(sounded) >= 0) &&
        (!mine || (r.clips.length > 0 && r.clips.every(prosody.rated)) === (mine === "yes")) &&
        (!seen || reviewed(r) === (seen === "yes"));
    });
    var key = sort === "why" ? "weight" : sort, high = sort === "why" || sort === "missed";
    found.sort(function (a, b) {
      var x = a[key], y = b[key], by = typeof x === "number" ? x - y : collator.compare(x, y);
      if (high) by = -by; // the most first
      return (down ? -by : by) || a.page - b.page;
    });
    page = Math.min(page, Math.max(0, Math.ceil(found.length / PER_PAGE) - 1));
  }
  function heads() {
    all("th[aria-sort]").forEach(function (th) {
      var mine = th.firstElementChild.dataset.sort === sort;
      th.setAttribute("aria-sort", mine ? (down ? "descending" : "ascending") : "none");
    });
  }
  // Where the words that were searched for stand, when the row itself does not show them.
  function snippet(r, text) {
    var said = texts ? String(texts[r.page] || "") : "", at = text ? said.toLocaleLowerCase().indexOf(text) : -1;
    if (at < 0 || r.said.toLocaleLowerCase().indexOf(text) >= 0) return "";
    return "\u2026 " + said.slice(Math.max(0, at - 40), at + text.length + 40) + " \u2026";
  }
  function draw(everything) {
    var body = one("#rows"), from = everything ? 0 : page * PER_PAGE;
    var some = everything ? found : found.slice(from, from + PER_PAGE);
    var text = value("search").trim().toLocaleLowerCase();
    var tail = state(); // what the page of a call needs to come back to exactly this list
    tail.set("in", some.map(function (r) { return r.page; }).join("."));
    tail.set("first", from + 1);
    tail.set("of", found.length);
    if (prosody.blind()) tail.set("blind", "1");
    body.textContent = "";
    some.forEach(function (r) {
      var tr = document.importNode(r.tr, true), a = tr.querySelector("a"), hit = snippet(r, text);
      if (!everything) a.setAttribute("href", a.getAttribute("href") + "#" + tail.toString());
      if (hit) {
        var span = document.createElement("span");
        span.className = "question hit";
        span.textContent = hit;
        tr.children[3].appendChild(span);
      }
      body.appendChild(tr);
    });
    one("#count").textContent = !found.length ? (text && texts === null ? words.searching : words.none)
      : words.shown.replace("{from}", from + 1).replace("{to}", from + some.length).replace("{all}", found.length);
    one("#previous").disabled = page === 0;
    one("#next").disabled = from + PER_PAGE >= found.length;
    heads();
  }
  function change(push) { page = 0; filter(); draw(); address(push); }

  all("button[data-sort]").forEach(function (b) {
    b.addEventListener("click", function () {
      down = sort === b.dataset.sort && !down;
      sort = b.dataset.sort;
      change(true);
    });
  });
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  // Not on "change": it fires when the search field is left, and would take away the link under a click.
  form.addEventListener("input", function (e) { change(e.target.id !== "search"); });
  one("#clear").addEventListener("click", function () { form.reset(); sort = "order"; down = false; change(true); });
  function turn(by) { page += by; draw(); address(true); one("#count").scrollIntoView(); }
  one("#previous").addEventListener("click", function () { turn(-1); });
  one("#next").addEventListener("click", function () { turn(1); });
  window.addEventListener("popstate", function () { restore(); draw(); });
  window.addEventListener("hashchange", function () { restore(); draw(); });
  window.addEventListener("pageshow", function (e) { if (e.persisted) { restore(); draw(); } });
  window.addEventListener("beforeprint", function () { draw(true); });
  window.addEventListener("afterprint", function () { draw(); });
  document.addEventListener("blind", function () { filter(); draw(); });
  var share = one("#rated-share");
  if (share) {
    var clips = rows.reduce(function (sum, r) { return sum.concat(r.clips); }, []);
    share.textContent = share.dataset.text.replace("{all}", clips.length)
      .replace("{n}", clips.filter(prosody.rated).length);
  }

  /* EXPORT */
  restore();
  draw();
})();
