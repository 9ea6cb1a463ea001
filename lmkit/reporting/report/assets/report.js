"use strict";
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const source = find("data").textContent;
  const data = JSON.parse(source);
  root.classList.add("script");

  find("theme").addEventListener("click", () => {
    const scheme = getComputedStyle(root).colorScheme;
    const dark = scheme === "dark" ||
      (scheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
  });

  find("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([source], { type: "application/json" }));
    link.download = "comparison.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // Surprisal text. A null among the bits stands for infinity: JSON has none.
  const text = data.text;
  const passage = find("passage");
  const readout = document.querySelector(".readout");
  const words = [...passage.children];
  const show = find("show");
  const against = find("against");
  const letters = Object.keys(data.models);
  const unknown = Object.fromEntries(letters.map((m) => [m, new Set(text.oov[m])]));
  const bits = (model, place) => text.bits[model][place] ?? Infinity;

  const shadeOfOne = (value) => "s" + Math.min(Math.floor(value / text.step), 8);
  const shadeOfTwo = (value) => {
    if (Number.isNaN(value)) return "d4";
    const step = text.cuts.filter((cut) => Math.abs(value) >= cut).length;
    return "d" + (4 + Math.sign(value) * step);
  };

  const colour = () => {
    const one = show.value;
    const other = against.value;
    words.forEach((word, place) => {
      const shade = other
        ? shadeOfTwo(bits(one, place) - bits(other, place))
        : shadeOfOne(bits(one, place));
      word.className = shade + (unknown[one].has(place) ? " o" : "");
    });
    find("one-scale").hidden = Boolean(other);
    find("two-scale").hidden = !other;
    find("fewer").textContent = one + " needs fewer bits";
    find("more").textContent = other + " needs fewer";
    mark(current);
  };

  const odds = (value) => {
    if (!Number.isFinite(value)) return "never";
    const n = 2 ** value;
    if (n < 10) return n.toFixed(1);
    return n < 1e6 ? Math.round(n).toLocaleString("en") : n.toExponential(1).replace("e+", "e");
  };

  const most = Math.max(...letters.flatMap((m) => text.bits[m].filter((b) => b !== null)), 1);
  let current = -1;
  const mark = (place) => {
    if (current >= 0) words[current].classList.remove("at");
    current = place;
    if (place < 0) return;
    words[place].classList.add("at");
    readout.classList.add("chosen");
    const end = text.tokens[place] === "</s>";
    find("word").textContent = end ? "↵ sentence end" : words[place].textContent;
    [...find("readings").children].forEach((row, i) => {
      const value = bits(letters[i], place);
      row.querySelector(".bar").style.width = Math.min(100, (100 * value) / most) + "%";
      row.querySelector(".bits").textContent = Number.isFinite(value) ? value.toFixed(2) : "∞";
      row.querySelector(".odds").textContent =
        odds(value) + (unknown[letters[i]].has(place) ? " ?" : "");
    });
  };

  const pointed = (event) => {
    const place = words.indexOf(event.target);
    if (place >= 0) mark(place);
  };
  passage.addEventListener("pointerover", pointed);
  passage.addEventListener("click", pointed);
  passage.addEventListener("focus", () => mark(Math.max(current, 0)));
  passage.addEventListener("keydown", (event) => {
    const row = (step) => {
      const here = words[current].getBoundingClientRect();
      let best = current;
      let distance = Infinity;
      words.forEach((word, place) => {
        const there = word.getBoundingClientRect();
        if ((there.top - here.top) * step <= here.height / 2) return;
        const far = Math.abs(there.top - here.top) * 50 + Math.abs(there.left - here.left);
        if (far < distance) [best, distance] = [place, far];
      });
      return best;
    };
    const moves = {
      ArrowRight: () => current + 1,
      ArrowLeft: () => current - 1,
      ArrowDown: () => row(1),
      ArrowUp: () => row(-1),
      Home: () => 0,
      End: () => words.length - 1,
    };
    if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    mark(Math.min(Math.max(moves[event.key](), 0), words.length - 1));
    words[current].scrollIntoView({ block: "nearest" });
  });
  show.addEventListener("change", colour);
  against.addEventListener("change", colour);
})();
