// The table of apologies: sorted, filtered and in pages of fifty. Texts only ever become text.
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  var one = function (s) { return document.querySelector(s); };
  var run = document.body.dataset.run;
  var prefix = "prosody/" + run + "/";
  var memory = {};
  function read(key) { try { return localStorage.getItem(key); } catch (e) { return null; } }

  var data = JSON.parse(one("#data").textContent), words = data.words, PER_PAGE = 50;
  var rows = data.rows.map(function (r) {
    return { page: r[0], call: r[1], at: r[2], length: r[3], words: r[4], language: r[5], met: r[6],
      graded: r[7], missed: r[8], clip: r[9], word: r[10] || "", sounded: r[11] || "", side: r[12],
      why: r[13] || "", conduct: r[7] ? r[6] / r[7] : -1 };
  });
  var collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  var sort = null, down = false, page = 0, found = rows;

  function clock(s) {
    var t = Math.floor(s), h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60;
    var two = function (n) { return (n < 10 ? "0" : "") + n; };
    return h ? h + ":" + two(m) + ":" + two(t % 60) : Math.floor(t / 60) + ":" + two(t % 60);
  }
  function fixed(n) { return n.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1, minimumFractionDigits: 1 }); }
  function put(name, text, into) {
    var e = document.createElement(name);
    if (text !== undefined && text !== null) e.textContent = text;
    if (into) into.appendChild(e);
    return e;
  }
  function is_rated(clip) {
    try {
      var kept = JSON.parse(read(prefix + "clip/" + clip) || "{}") || {};
      return !!kept.cannot || Object.keys(kept.ratings || {}).length > 0;
    } catch (e) { return false; }
  }
  function value(id) { var e = one("#" + id); return e ? e.value : ""; }

  function filter() {
    var text = value("search").trim().toLocaleLowerCase();
    var sounded = value("sounded"), rule = value("rule"), language = value("language"), mine = value("rated");
    found = rows.filter(function (r) {
      return (!text || (r.words + " " + r.call).toLocaleLowerCase().indexOf(text) >= 0) &&
        (!sounded || (sounded === "-" ? !r.word : r.word === sounded)) &&
        (!rule || r.missed.indexOf(Number(rule)) >= 0) &&
        (!language || (r.language || "-") === language) &&
        (!mine || is_rated(r.clip) === (mine === "yes"));
    });
    if (sort) found.sort(function (a, b) {
      var x = a[sort], y = b[sort], none = function (v) { return v === null || v === undefined || v === -1; };
      if (none(x) || none(y)) return none(x) - none(y) || a.page - b.page; // missing stays last
      var by = typeof x === "number" ? x - y : collator.compare(x, y);
      return (down ? -by : by) || a.page - b.page;
    });
    page = 0;
    draw();
  }

  function draw() {
    var body = one("#rows"), from = page * PER_PAGE, some = found.slice(from, from + PER_PAGE);
    body.textContent = "";
    some.forEach(function (r) {
      var tr = put("tr", null, body);
      var th = put("th", null, tr);
      th.scope = "row";
      th.className = "wide-only";
      th.textContent = r.call;
      put("td", clock(r.at), tr);
      var td = put("td", null, tr), a = put("a", r.words || words.page, td);
      put("span", r.call, td).className = "question narrow-only";
      a.href = "apologies/" + ("0000" + r.page).slice(-Math.max(5, String(r.page).length)) + ".html";
      if (data.judged) {
        var said = put("td", r.sounded, tr);
        if (r.why) { var w = put("span", r.why, said); w.className = "question"; }
        put("td", r.side === null || r.side === undefined ? "–" : Math.round(100 * r.side) + "\u00a0%", tr);
      }
      put("td", fixed(r.length) + "\u00a0s", tr).className = "wide-only";
      put("td", r.graded ? r.met + " / " + r.graded : "–", tr).className = "wide-only";
    });
    one("#count").textContent = found.length
      ? words.shown.replace("{from}", from + 1).replace("{to}", from + some.length).replace("{all}", found.length)
      : words.none;
    one("#previous").disabled = page === 0;
    one("#next").disabled = from + PER_PAGE >= found.length;
  }

  Array.prototype.forEach.call(document.querySelectorAll("button[data-sort]"), function (b) {
    b.addEventListener("click", function () {
      down = sort === b.dataset.sort && !down;
      sort = b.dataset.sort;
      Array.prototype.forEach.call(document.querySelectorAll("th[aria-sort]"), function (th) {
        th.setAttribute("aria-sort", "none");
      });
      b.parentNode.setAttribute("aria-sort", down ? "descending" : "ascending");
      filter();
    });
  });
  var form = one("#filters");
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  // Not on "change": it fires when the search field is left, and would take away the link under a click.
  form.addEventListener("input", filter);
  one("#clear").addEventListener("click", function () { form.reset(); filter(); });
  one("#previous").addEventListener("click", function () { page -= 1; draw(); one("#count").scrollIntoView(); });
  one("#next").addEventListener("click", function () { page += 1; draw(); one("#count").scrollIntoView(); });
  var share = one("#rated-share");
  if (share) share.textContent = share.dataset.text.replace("{all}", rows.length)
    .replace("{n}", rows.filter(function (r) { return is_rated(r.clip); }).length);

  /* EXPORT */
  filter();
})();
