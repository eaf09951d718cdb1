// One page of the report: ratings of apologies, answers to what was found, and the way through the list.
(function () {
  "use strict";
  var all = function (s, in_) { return Array.prototype.slice.call((in_ || document).querySelectorAll(s)); };
  var one = function (s, in_) { return (in_ || document).querySelector(s); };
  var prefix = prosody.prefix;

  // --- how each apology sounded to the reader
  all("[data-clip]").forEach(function (part) {
    var clip = part.dataset.clip, key = prefix + "clip/" + clip, kept = prosody.kept(key);
    var sliders = all("input[data-axis]", part), remark = one(".remark-of", part);
    var cannot = one(".cannot-hear", part), saved = one(".saved", part), shown = false;
    function show(slider) {
      var out = one('output[for="' + slider.id + '"]', part), value = (kept.ratings || {})[slider.dataset.axis];
      var known = typeof value === "number";
      slider.classList.toggle("unset", !known);
      if (known) slider.value = value;
      if (out) out.textContent = known ? String(value) : out.dataset.none;
      slider.setAttribute("aria-valuetext", out ? out.textContent : "");
    }
    function rated() { return !!kept.cannot || Object.keys(kept.ratings || {}).length > 0; }
    function veil() { part.classList.toggle("seen", shown || rated()); }
    function save() {
      var empty = !rated() && !kept.remark;
      kept.at = new Date().toISOString();
      prosody.write(key, empty ? null : JSON.stringify(kept));
      if (saved) saved.textContent = empty ? "" : saved.dataset.text;
      veil();
    }
    sliders.forEach(function (s) {
      show(s);
      var take = function () {
        kept.ratings = kept.ratings || {};
        kept.ratings[s.dataset.axis] = Number(s.value);
        show(s); save();
      };
      s.addEventListener("input", take);
      s.addEventListener("change", function () {
        take();
        document.dispatchEvent(new CustomEvent("impression", { detail: { kind: "impression",
          what: s.dataset.axis, start: part.dataset.start, machine: "", answer: s.value } }));
      });
    });
    if (cannot) {
      cannot.checked = !!kept.cannot;
      cannot.addEventListener("change", function () { kept.cannot = cannot.checked; save(); });
    }
    if (remark) {
      remark.value = kept.remark || "";
      remark.addEventListener("input", function () { kept.remark = remark.value; save(); });
    }
    var now = one(".show", part), del = one(".delete", part);
    if (now) now.addEventListener("click", function () { shown = true; veil(); });
    if (del) del.addEventListener("click", function () {
      kept = {};
      prosody.write(key, null);
      if (remark) remark.value = "";
      if (cannot) cannot.checked = false;
      sliders.forEach(function (s) { s.value = 50; show(s); });
      if (saved) saved.textContent = "";
      veil();
    });
    veil();
  });

  var call = one("article[data-call]");
  if (!call) return;

  // --- agree or not with what was found; on the local page it goes into the results
  var here = call.dataset.call, calibration = prosody.hash().get("blind-review") === "1";
  var key = (calibration ? prefix + "session/" : prosody.REVIEW) + here, answers = prosody.kept(key);
  var asks = all(".ask"), state = one("#review-state"), served = /^https?:$/.test(location.protocol);
  function id(ask) { return [ask.dataset.kind, ask.dataset.what, ask.dataset.start].join("|"); }
  function show(ask) {
    var a = answers[id(ask)];
    all("button", ask).forEach(function (b) {
      b.setAttribute("aria-pressed", String(!!a && a.answer === b.dataset.answer));
    });
    var why = one(".why", ask);
    why.hidden = !a;
    if (a && document.activeElement !== why) why.value = a.why || "";
  }
  function veil() {
    var open = asks.every(function (a) { return answers[id(a)]; });
    document.documentElement.classList.toggle("calibrating", calibration && !open);
  }
  function tell(what) { if (state) state.textContent = state.dataset[what] || ""; }
  function send(record) {
    if (!served) { tell("saved"); return; }
    fetch("/api/review/answer", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(record) }).then(function (r) { tell(r.ok ? "kept" : "failed"); },
      function () { tell("failed"); });
  }
  function save(ask, answer, why) {
    var known = answers[id(ask)];
    if (answer === null) delete answers[id(ask)];
    else answers[id(ask)] = { kind: ask.dataset.kind, what: ask.dataset.what, start: ask.dataset.start,
      machine: ask.dataset.machine, answer: answer, why: why, who: prosody.who(), as: prosody.as(),
      time: new Date().toISOString() };
    prosody.write(key, Object.keys(answers).length ? JSON.stringify(answers) : null);
    var record = answers[id(ask)] || Object.assign({}, known, { answer: "" });
    record.recording = here;
    send(record);
    show(ask); veil();
  }
  // In a calibration nothing tells what was found: rules stand in one list, each to be met or not.
  if (calibration) {
    var flat = document.createElement("ul"), rules = one("section.rules");
    flat.className = "conduct";
    asks.filter(function (a) { return a.dataset.kind === "rule"; })
      .sort(function (a, b) { return a.dataset.what < b.dataset.what ? -1 : 1; })
      .forEach(function (a) { flat.appendChild(a.parentNode); });
    if (rules) {
      all("details, .missed, h2 ~ p", rules).forEach(function (e) { e.remove(); });
      one("h2", rules).hidden = true;
      rules.appendChild(flat);
    }
    asks.forEach(function (a) {
      all("button", a).forEach(function (b) {
        b.dataset.answer = b.dataset.blind;
        b.textContent = b.dataset.blindLabel;
      });
    });
    tell("blind");
  }
  asks.forEach(function (ask) {
    show(ask);
    all("button", ask).forEach(function (b) {
      b.addEventListener("click", function () {
        var again = b.getAttribute("aria-pressed") === "true";
        save(ask, again ? null : b.dataset.answer, one(".why", ask).value);
        if (!again) one(".why", ask).focus();
      });
    });
    one(".why", ask).addEventListener("change", function () {
      var a = answers[id(ask)];
      if (a) save(ask, a.answer, one(".why", ask).value);
    });
  });
  document.addEventListener("impression", function (e) {
    if (!served) return;
    send(Object.assign({ recording: here, why: "", who: prosody.who(), as: prosody.as() }, e.detail));
  });
  veil();
  if (served) fetch("/api/review/answers?recording=" + encodeURIComponent(here)).then(function (r) {
    return r.ok ? r.json() : { answers: [] };
  }).then(function (got) {
    (got.answers || []).forEach(function (a) {
      if (a.kind !== "impression") answers[[a.kind, a.what, a.start].join("|")] = a;
    });
    if (got.who) { var w = one("#reviewer"); if (w) { w.value = got.who; w.readOnly = true; } }
    asks.forEach(show); veil();
  }).catch(function () { tell("failed"); });

  // --- previous and next in the order of the list that one came from
  var from = prosody.hash(), order = (from.get("in") || "").split(".").map(Number).filter(Boolean);
  var at = order.indexOf(Number(call.dataset.page));
  from.delete("in");
  var list = from.toString(), back = one("#back");
  if (at >= 0) {
    back.setAttribute("href", "../calls.html#" + list);
    var name = function (n) { return ("0000" + n).slice(-Math.max(5, String(n).length)) + ".html"; };
    var go = function (rel, to) {
      var a = one('.turn-page a[rel="' + rel + '"]');
      if (!to) { if (a) a.hidden = true; return; }
      if (!a) return;
      a.setAttribute("href", name(to) + "#in=" + order.join(".") + (list ? "&" + list : ""));
      a.hidden = false;
    };
    go("prev", order[at - 1]);
    go("next", order[at + 1]);
    var where = one("#where"), of = Number(from.get("of")) || order.length, first = Number(from.get("first")) || 1;
    where.textContent = where.dataset.text.replace("{n}", first + at).replace("{of}", of);
  }
  // An apology's place in the address that the filter took is still a place.
  var spot = from.get("at");
  if (spot && /^a\d+$/.test(spot) && document.getElementById(spot)) document.getElementById(spot).scrollIntoView();
  /* EXPORT */
})();
