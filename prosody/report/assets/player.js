// Hearing a clip: the browser's own player, buttons that play a stretch, the waveform, and one
// place in the sound that all pictures show.
(function () {
  "use strict";
  var one = function (s) { return document.querySelector(s); };
  var all = function (s) { return Array.prototype.slice.call(document.querySelectorAll(s)); };
  var audio = one("audio"), wave = one(".wave"), stopAt = null;
  if (!audio) return;
  var begin = Number(audio.dataset.start), length = Number(audio.dataset.length) || 1;

  function clock(s) {
    var t = Math.floor(s), two = function (n) { return (n < 10 ? "0" : "") + n; };
    var h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60;
    return h ? h + ":" + two(m) + ":" + two(t % 60) : m + ":" + two(t % 60);
  }
  function start() {
    var playing = audio.play();
    if (playing && playing.catch) playing.catch(function () { /* no sound device */ });
  }
  function seek(t) {
    stopAt = null;
    audio.currentTime = Math.min(length, Math.max(0, t));
  }
  all("button[data-from]").forEach(function (b) {
    b.addEventListener("click", function () {
      seek(Number(b.dataset.from) - begin);
      stopAt = Number(b.dataset.to) - begin;
      start();
    });
  });

  // --- one place in the sound, shown in every picture and in the transcript
  var charts = all(".chart").map(function (c) {
    return { box: c, head: c.querySelector(".head"), start: Number(c.dataset.start), end: Number(c.dataset.end) };
  });
  var turns = all(".transcript .turn").map(function (t) {
    var b = t.querySelector("dt button[data-from]");
    return b ? { turn: t, from: Number(b.dataset.from), to: Number(b.dataset.to) } : null;
  }).filter(Boolean);
  function draw() {
    var t = begin + audio.currentTime;
    charts.forEach(function (c) {
      var x = (100 * Math.min(1, Math.max(0, (t - c.start) / (c.end - c.start)))).toFixed(2) + "%";
      if (c.head) { c.head.setAttribute("x1", x); c.head.setAttribute("x2", x); }
    });
    turns.forEach(function (r) {
      r.turn.classList.toggle("now", !audio.paused && t >= r.from && t < r.to);
    });
    if (stopAt !== null && audio.currentTime >= stopAt) { stopAt = null; audio.pause(); }
    if (!audio.paused) requestAnimationFrame(draw);
  }
  audio.addEventListener("play", function () { requestAnimationFrame(draw); });
  audio.addEventListener("timeupdate", draw);
  audio.addEventListener("seeked", draw);
  charts.forEach(function (c) {
    c.box.addEventListener("click", function (e) {
      var box = c.box.getBoundingClientRect();
      seek(c.start + (e.clientX - box.left) / box.width * (c.end - c.start) - begin);
    });
  });

  // --- the waveform: wavesurfer.js lies beside the pages; without it everything above still works
  var script = one("#wavesurfer"), peaks = one("#peaks");
  if (!wave || !peaks || !window.WaveSurfer) return;
  function colours() {
    var c = getComputedStyle(document.documentElement);
    var get = function (n) { return c.getPropertyValue(n).trim(); };
    return { agent: get("--accent"), customer: get("--loud"), cursor: get("--focus") };
  }
  function look() {
    var c = colours(), whose = wave.dataset.roles.split(" ");
    var of = function (role) {
      var own = role === "customer" ? c.customer : c.agent;
      return { waveColor: own, progressColor: own, height: whose.length > 1 ? 42 : 64 };
    };
    var out = of(whose[0]);
    out.splitChannels = whose.length > 1 ? whose.map(of) : undefined;
    out.cursorColor = c.cursor;
    return out;
  }
  var ws;
  wave.hidden = false; // it needs its width to draw
  try {
    var how = look();
    how.container = wave.querySelector(".drawn");
    how.media = audio;
    how.duration = length;
    how.peaks = JSON.parse(peaks.textContent).map(function (row) {
      return row.map(function (v) { return v / 100; });
    });
    how.cspNonce = script ? script.nonce : "";
    how.cursorWidth = 2;
    how.dragToSeek = true;
    how.hideScrollbar = true;
    ws = window.WaveSurfer.create(how);
  } catch (e) { wave.hidden = true; return; }
  ws.on("interaction", function () { stopAt = null; });
  ws.on("error", function () { /* the player itself says what is wrong with its sound */ });
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  if (dark.addEventListener) dark.addEventListener("change", function () { ws.setOptions(look()); });

  // As a slider for keyboards and screen readers. Told when it stands still, not while it runs.
  function tell() {
    wave.setAttribute("aria-valuenow", audio.currentTime.toFixed(1));
    wave.setAttribute("aria-valuetext", clock(begin + audio.currentTime));
  }
  audio.addEventListener("seeked", tell);
  audio.addEventListener("pause", tell);
  var steps = { ArrowRight: 0.5, ArrowUp: 0.5, ArrowLeft: -0.5, ArrowDown: -0.5, PageUp: 5, PageDown: -5 };
  wave.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    if (steps[e.key]) seek(audio.currentTime + steps[e.key]);
    else if (e.key === "Home") seek(0);
    else if (e.key === "End") seek(length);
    else if (e.key === " " || e.key === "Enter") {
      if (audio.paused) start(); else { stopAt = null; audio.pause(); }
    } else return;
    e.preventDefault();
  });
})();
