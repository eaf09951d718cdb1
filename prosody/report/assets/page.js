// One page of the report. Classic script, in the page itself; texts only ever become text.
(function () {
  "use strict";
  var one = function (s) { return document.querySelector(s); };
  var all = function (s) { return Array.prototype.slice.call(document.querySelectorAll(s)); };
  var run = document.body.dataset.run;
  var prefix = "prosody/" + run + "/";

  // --- keeping what a reader enters (some browsers refuse it for files; then it lives as long as the page)
  var memory = {};
  function read(key) {
    try { var v = localStorage.getItem(key); return v === null ? memory[key] || null : v; }
    catch (e) { return memory[key] || null; }
  }
  function write(key, value) {
    memory[key] = value;
    try { if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value); }
    catch (e) { /* kept in memory */ }
    if (value === null) delete memory[key];
  }

  // --- what the reader enters
  document.documentElement.classList.add("js");
  var article = one("article[data-clip]");
  if (!article) return;
  var clip = article.dataset.clip, key = prefix + "clip/" + clip;
  var sliders = all("input[data-axis]"), remark = one("#remark"), cannot = one("#cannot-hear");
  var rater = one("#rater"), saved = one("#saved"), blind = one("#blind");
  var kept = {};
  try { kept = JSON.parse(read(key) || "{}") || {}; } catch (e) { kept = {}; }

  function show(slider) {
    var out = one('output[for="' + slider.id + '"]'), value = (kept.ratings || {})[slider.dataset.axis];
    var known = typeof value === "number";
    slider.classList.toggle("unset", !known);
    if (known) slider.value = value;
    if (out) out.textContent = known ? String(value) : out.dataset.none;
    slider.setAttribute("aria-valuetext", out ? out.textContent : "");
  }
  function rated() { return !!kept.cannot || Object.keys(kept.ratings || {}).length > 0; }
  function veil() {
    var hide = blind && blind.checked && !rated();
    var v = one(".veil"), u = one(".unveiled");
    if (v && u) { v.hidden = !hide; u.hidden = !!hide; }
  }
  function save() {
    var empty = !rated() && !kept.remark;
    kept.at = new Date().toISOString();
    write(key, empty ? null : JSON.stringify(kept));
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
    s.addEventListener("change", take);
  });
  if (cannot) {
    cannot.checked = !!kept.cannot;
    cannot.addEventListener("change", function () { kept.cannot = cannot.checked; save(); });
  }
  if (remark) {
    remark.value = kept.remark || "";
    remark.addEventListener("input", function () { kept.remark = remark.value; save(); });
  }
  if (rater) {
    rater.value = read("prosody/rater") || "";
    rater.addEventListener("input", function () { write("prosody/rater", rater.value); });
  }
  if (blind) {
    blind.checked = read("prosody/blind") === "yes";
    blind.addEventListener("change", function () {
      write("prosody/blind", blind.checked ? "yes" : null); veil();
    });
    var now = one(".show");
    if (now) now.addEventListener("click", function () {
      one(".veil").hidden = true; one(".unveiled").hidden = false;
    });
    veil();
  }
  var del = one("#delete");
  if (del) del.addEventListener("click", function () {
    kept = {};
    write(key, null);
    if (remark) remark.value = "";
    if (cannot) cannot.checked = false;
    sliders.forEach(function (s) { s.value = 50; show(s); });
    if (saved) saved.textContent = "";
    veil();
  });

  /* EXPORT */
})();
