  // --- all ratings that this browser keeps of this run, in the long form of `prosody fit --ratings`
  var button = document.getElementById("export");
  if (button) button.addEventListener("click", function () {
    var start = prosody.prefix + "clip/", who = (prosody.read("prosody/rater") || "").trim() || "reviewer";
    var lines = ["clip,rater,axis,rating,is_repeat,cannot_hear,remark"];
    prosody.keys(start).forEach(function (k) {
      var kept = prosody.kept(k), clip = k.slice(start.length);
      AXES.forEach(function (axis, i) {
        var value = (kept.ratings || {})[axis], deaf = !!kept.cannot, note = kept.remark || "";
        if (typeof value !== "number" && !deaf) {
          // A remark without a rating is kept as a row that no fit takes for a rating.
          if (!(note && i === 0 && !Object.keys(kept.ratings || {}).length)) return;
          deaf = true;
        }
        lines.push([prosody.cell(clip), prosody.cell(who), prosody.cell(axis), deaf ? "" : String(value), "0",
          deaf ? "1" : "0", prosody.cell(note)].join(","));
      });
    });
    prosody.download("ratings-" + prosody.run + ".csv", lines);
  });
