  // --- all ratings that this browser keeps of this run, in the long form of `prosody fit --ratings`
  function cell(value) {
    var s = String(value === undefined || value === null ? "" : value);
    s = s.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, " ");
    if (/^[\t\r\n]|^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(s)) s = "'" + s; // no spreadsheet executes it
    return '"' + s.replace(/"/g, '""') + '"';
  }
  function entries() {
    var out = {}, start = prefix + "clip/";
    Object.keys(memory).forEach(function (k) { out[k] = memory[k]; });
    try {
      for (var i = 0; i < localStorage.length; i++) {
        var k = localStorage.key(i);
        if (k.indexOf(start) === 0) out[k] = localStorage.getItem(k);
      }
    } catch (e) { /* only what is in memory */ }
    return Object.keys(out).filter(function (k) { return k.indexOf(start) === 0; }).sort()
      .map(function (k) {
        var v = {};
        try { v = JSON.parse(out[k]) || {}; } catch (e) { v = {}; }
        return { clip: k.slice(start.length), kept: v };
      });
  }
  function table(axes) {
    var who = (read("prosody/rater") || "").trim() || "reviewer";
    var lines = ["clip,rater,axis,rating,is_repeat,cannot_hear,remark"];
    entries().forEach(function (e) {
      axes.forEach(function (axis, i) {
        var value = (e.kept.ratings || {})[axis];
        var deaf = !!e.kept.cannot, note = e.kept.remark || "";
        if (typeof value !== "number" && !deaf) {
          // A remark without a rating is kept as a row that no fit takes for a rating.
          if (!(note && i === 0 && !Object.keys(e.kept.ratings || {}).length)) return;
          deaf = true;
        }
        lines.push([cell(e.clip), cell(who), cell(axis), deaf ? "" : String(value), "0",
          deaf ? "1" : "0", cell(note)].join(","));
      });
    });
    return "\ufeff" + lines.join("\r\n") + "\r\n";
  }
  var button = one("#export");
  if (button) button.addEventListener("click", function () {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table(AXES)], { type: "text/csv" }));
    link.download = "ratings-" + run + ".csv";
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  });
