// What every page shares: what the reader entered, hiding of judgements, and print.
var prosody = (function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  var run = document.body.dataset.run, prefix = "prosody/" + run + "/", memory = {};
  // Some browsers refuse to keep anything for files; then it lives as long as the page.
  function read(key) {
    try { var v = localStorage.getItem(key); return v === null ? memory[key] || null : v; }
    catch (e) { return memory[key] || null; }
  }
  function write(key, value) {
    if (value === null) delete memory[key]; else memory[key] = value;
    try { if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value); }
    catch (e) { /* kept in memory */ }
  }
  function kept(key) { try { return JSON.parse(read(key) || "{}") || {}; } catch (e) { return {}; } }
  function keys(start) {
    var out = {};
    Object.keys(memory).forEach(function (k) { out[k] = 1; });
    try { for (var i = 0; i < localStorage.length; i++) out[localStorage.key(i)] = 1; }
    catch (e) { /* only what is in memory */ }
    return Object.keys(out).filter(function (k) { return k.indexOf(start) === 0; }).sort();
  }
  function rated(clip) {
    var k = kept(prefix + "clip/" + clip);
    return !!k.cannot || Object.keys(k.ratings || {}).length > 0;
  }
  function hash() { return new URLSearchParams(location.hash.slice(1)); }

  // --- judgements are hidden on every page while this is on; links carry it where nothing is kept
  var box = document.getElementById("blind");
  function blind() { return !!box && box.checked; }
  function look() { root.classList.toggle("blind", blind()); }
  if (box) {
    box.checked = read("prosody/blind") === "yes" || hash().get("blind") === "1";
    look();
    box.addEventListener("change", function () {
      write("prosody/blind", box.checked ? "yes" : null);
      look();
      document.dispatchEvent(new Event("blind"));
    });
    document.addEventListener("click", function (e) {
      var a = e.target.closest ? e.target.closest("a[href]") : null;
      var to = a ? a.getAttribute("href") : "";
      if (!a || !blind() || !/\.html(#|$)/.test(to) || /blind=1/.test(to)) return;
      a.setAttribute("href", to + (to.indexOf("#") < 0 ? "#" : "&") + "blind=1");
    }, true);
  }

  // --- files for a spreadsheet, which executes nothing of them
  function cell(value) {
    var s = String(value === undefined || value === null ? "" : value);
    s = s.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, " ");
    if (/^[\t\r\n]|^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(s)) s = "'" + s;
    return '"' + s.replace(/"/g, '""') + '"';
  }
  function download(name, lines) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  // --- all answers that this browser keeps of this run: agree or not, with each rule and find
  var REVIEW = prefix + "review/";
  function reviews() {
    var lines = ["recording,kind,what,start_s,machine,answer,why,reviewer,as,time"];
    keys(REVIEW).forEach(function (k) {
      var call = k.slice(REVIEW.length), found = kept(k);
      Object.keys(found).sort().forEach(function (id) {
        var a = found[id];
        lines.push([call, a.kind, a.what, a.start, a.machine, a.answer, a.why, a.who, a.as, a.time].map(cell).join(","));
      });
    });
    return lines;
  }
  var who = document.getElementById("reviewer"), as = document.getElementById("as");
  if (who) {
    who.value = read("prosody/reviewer") || "";
    who.addEventListener("input", function () { write("prosody/reviewer", who.value); });
    as.value = read("prosody/as") || "reviewer";
    as.addEventListener("change", function () { write("prosody/as", as.value); });
    document.getElementById("export-reviews").addEventListener("click", function () {
      download("reviews-" + run + ".csv", reviews());
    });
  }
  var rater = document.getElementById("rater");
  if (rater) {
    rater.value = read("prosody/rater") || "";
    rater.addEventListener("input", function () { write("prosody/rater", rater.value); });
  }

  // --- print has everything: what is folded in is folded out
  var closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    closed.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () { closed.forEach(function (d) { d.open = false; }); });

  return { run: run, prefix: prefix, read: read, write: write, kept: kept, keys: keys, rated: rated,
    hash: hash, blind: blind, cell: cell, download: download, REVIEW: REVIEW,
    who: function () { return (who && who.value.trim()) || ""; },
    as: function () { return (as && as.value) || "reviewer"; } };
})();
