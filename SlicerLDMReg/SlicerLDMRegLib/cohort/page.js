"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { columns, rows, links, drawn } = data;
  const place = new Map(columns.map((column, n) => [column.name, n]));
  const isNumber = columns.map((column) => column.digits !== undefined);
  const frame = document.getElementById("frame");
  const head = document.querySelector("#pairs thead tr");
  const body = document.querySelector("#pairs tbody");
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const charts = document.getElementById("charts");
  const HEIGHT = 31; // pixels of a row, its border included
  const SPARE = 12; // rows beyond the edges of the frame
  const MOST_BINS = 24;
  const NS = "http://www.w3.org/2000/svg";
  const ORDER = { failed: 0, missing: 1, bad: 2, check: 3, good: 4 };

  const cell = (row, name) => (place.has(name) ? rows[row][place.get(name)] : null);
  const states = rows.map((_, row) => {
    const status = cell(row, "status");
    return status === "done" ? cell(row, "verdict") : status;
  });
  // All texts of a row, once, for the words that are looked for.
  const texts = rows.map((row) =>
    row.filter((value) => typeof value === "string").join("\n").toLowerCase());

  let sorting = { name: null, down: false };
  let shown = rows.map((_, row) => row);
  let first = -1;
  let last = -1;

  // A filter is a list of terms, of which all must hold: words, column:text, column<number.
  function matcher(text) {
    const tests = [];
    let wrong = false;
    for (const term of text.match(/"[^"]*"|\S+/g) || []) {
      const compared = /^([^\s<>=:]+)(<=|>=|<|>|=)(-?[\d.]+(?:e-?\d+)?)$/i.exec(term);
      const named = /^([^\s<>=:]+):(.*)$/.exec(term);
      if (compared && place.has(compared[1])) {
        const at = place.get(compared[1]);
        const limit = Number(compared[3]);
        const holds = {
          "<": (v) => v < limit, ">": (v) => v > limit, "=": (v) => v === limit,
          "<=": (v) => v <= limit, ">=": (v) => v >= limit,
        }[compared[2]];
        tests.push((row) => typeof rows[row][at] === "number" && holds(rows[row][at]));
      } else if (named && named[1] === "state") {
        tests.push((row) => states[row] === named[2]);
      } else if (named && place.has(named[1])) {
        const at = place.get(named[1]);
        const wanted = named[2].replace(/^"|"$/g, "").toLowerCase();
        tests.push(wanted === "*"
          ? (row) => rows[row][at] !== null
          : (row) => String(rows[row][at] ?? "").toLowerCase().includes(wanted));
      } else {
        wrong = wrong || Boolean(compared);
        const word = term.replace(/^"|"$/g, "").toLowerCase();
        tests.push((row) => texts[row].includes(word));
      }
    }
    search.classList.toggle("wrong", wrong);
    return (row) => tests.every((test) => test(row));
  }

  function compare(a, b) {
    if (sorting.name === null) {
      return (ORDER[states[a]] ?? 0) - (ORDER[states[b]] ?? 0)
        || (cell(a, "quality") ?? -Infinity) - (cell(b, "quality") ?? -Infinity) || a - b || 0;
    }
    const at = place.get(sorting.name);
    const x = rows[a][at];
    const y = rows[b][at];
    if (x === null || y === null) return (x === null) - (y === null) || a - b; // none: at the end
    let order;
    if (sorting.name === "verdict") order = (ORDER[x] ?? 9) - (ORDER[y] ?? 9);
    else if (isNumber[at]) order = x - y;
    else order = collator.compare(x, y);
    return (sorting.down ? -order : order) || a - b;
  }
  const collator = new Intl.Collator("en", { numeric: true });

  function update() {
    const begin = performance.now();
    const holds = matcher(search.value);
    shown = [];
    for (let row = 0; row < rows.length; row += 1) if (holds(row)) shown.push(row);
    shown.sort(compare);
    count.textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    columns.forEach((column, n) => {
      const title = head.children[n];
      const own = sorting.name === column.name;
      title.setAttribute("aria-sort", own ? (sorting.down ? "descending" : "ascending") : "none");
      title.firstChild.textContent = column.title + (own ? (sorting.down ? " ▼" : " ▲") : "");
    });
    for (const tile of document.querySelectorAll(".tiles button")) {
      tile.setAttribute("aria-pressed", String(tile.dataset.term === search.value.trim()));
    }
    first = last = -1;
    frame.scrollTop = 0;
    draw();
    drawCharts();
    const state = new URLSearchParams();
    if (sorting.name) state.set("sort", (sorting.down ? "-" : "") + sorting.name);
    if (search.value) state.set("filter", search.value);
    try { history.replaceState(null, "", `#${state}`); } catch { /* pages without an address */ }
    document.getElementById("pairs").dataset.milliseconds = (performance.now() - begin).toFixed(1);
  }

  // Only the rows in the frame are in the document.
  function draw() {
    const from = Math.max(0, Math.floor(frame.scrollTop / HEIGHT) - SPARE);
    const to = Math.min(shown.length, Math.ceil((frame.scrollTop + frame.clientHeight) / HEIGHT) + SPARE);
    if (from === first && to === last) return;
    [first, last] = [from, to];
    const parts = [space(from)];
    for (let n = from; n < to; n += 1) parts.push(line(shown[n]));
    parts.push(space(shown.length - to));
    body.replaceChildren(...parts);
  }

  function space(number) {
    const line = document.createElement("tr");
    line.className = "space";
    const only = line.insertCell();
    only.colSpan = columns.length;
    only.style.height = `${number * HEIGHT}px`;
    return line;
  }

  function line(row) {
    const line = document.createElement("tr");
    const told = reason(row);
    columns.forEach((column, n) => {
      if (told && n >= told.from && n < told.to) {
        if (n === told.from) line.append(told.cell);
        return;
      }
      const value = rows[row][n];
      const item = line.insertCell();
      const text = value === null ? "" : isNumber[n] ? value.toFixed(column.digits) : String(value);
      if (!isNumber[n]) item.className = "text";
      if (column.name === "id" && links[row]) {
        const link = document.createElement("a");
        link.href = links[row];
        link.textContent = text;
        item.append(link);
      } else {
        item.textContent = text;
      }
      // The verdict has the colour, or the status of what has none.
      if (column.name === (rows[row][place.get("verdict")] ? "verdict" : "status")) item.classList.add(states[row]);
      if (!isNumber[n] && text.length > 30) item.title = text;
    });
    return line;
  }

  // What failed has no numbers; why it failed stands in their place.
  function reason(row) {
    const text = cell(row, "reason");
    if (states[row] !== "failed" || text === null) return null;
    const from = place.get("status") + 1;
    let to = from;
    while (to < columns.length && rows[row][to] === null) to += 1;
    if (to === from) return null;
    const only = document.createElement("td");
    only.colSpan = to - from;
    only.className = "text reason";
    only.textContent = only.title = text;
    return { from, to, cell: only };
  }

  function shape(name, attributes, parent) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  function drawCharts() {
    charts.replaceChildren(...drawn.map(chart).filter(Boolean));
  }

  function chart(name) {
    const at = place.get(name);
    if (at === undefined) return null;
    const values = shown.map((row) => rows[row][at]).filter((value) => value !== null);
    if (values.length === 0) return null;
    const { title, digits } = columns[at];
    const sorted = Float64Array.from(values).sort();
    // A few that lie far out would press all others into one bar.
    const low = sorted[Math.floor(0.002 * (sorted.length - 1))];
    let high = sorted[Math.ceil(0.998 * (sorted.length - 1))];
    if (!(high > low)) high = low + (Math.abs(low) || 1) * 1e-6;
    // Rice's rule: a bar for each of few values would show no distribution.
    const BINS = Math.min(MOST_BINS, Math.max(5, Math.ceil(2 * Math.cbrt(sorted.length))));
    const width = (high - low) / BINS;
    const bins = new Array(BINS).fill(0);
    for (const value of sorted) {
      bins[Math.min(BINS - 1, Math.max(0, Math.floor((value - low) / width)))] += 1;
    }
    const most = Math.max(...bins);
    const card = document.createElement("div");
    card.className = "chart";
    const bold = document.createElement("b");
    bold.textContent = title;
    const middle = document.createElement("span");
    middle.textContent = `median ${sorted[Math.floor(sorted.length / 2)].toFixed(digits)}`;
    card.append(bold, middle);
    const svg = shape("svg", { viewBox: "0 0 280 96", role: "img", "aria-label": `Distribution of ${title}` }, card);
    bins.forEach((number, n) => {
      const group = shape("g", {}, svg);
      const tall = (78 * number) / most;
      shape("rect", { class: "value", x: n * (280 / BINS) + 0.5, y: 80 - tall, width: 280 / BINS - 1, height: tall }, group);
      const hit = shape("rect", { class: "hit", x: n * (280 / BINS), y: 0, width: 280 / BINS, height: 82 }, group);
      const from = low + n * width;
      shape("title", {}, hit).textContent =
        `${number} pairs, ${from.toFixed(digits + 1)} to ${(from + width).toFixed(digits + 1)}`;
      hit.addEventListener("click", () => {
        const terms = search.value.split(/\s+/).filter((term) => term && !term.startsWith(name + "<") && !term.startsWith(name + ">"));
        if (n > 0) terms.push(`${name}>=${Number(from.toPrecision(6))}`);
        if (n < BINS - 1) terms.push(`${name}<=${Number((from + width).toPrecision(6))}`);
        search.value = terms.join(" ");
        update();
      });
    });
    const left = shape("text", { x: 0, y: 93 }, svg);
    left.textContent = low.toFixed(digits);
    const right = shape("text", { x: 280, y: 93, "text-anchor": "end" }, svg);
    right.textContent = high.toFixed(digits);
    return card;
  }

  columns.forEach((column, n) => {
    const title = document.createElement("th");
    title.scope = "col";
    if (!isNumber[n]) title.className = "text";
    const button = document.createElement("button");
    button.type = "button";
    button.title = column.name;
    button.addEventListener("click", () => {
      const own = sorting.name === column.name;
      // The first click shows what is worst.
      sorting = { name: column.name, down: own ? !sorting.down : column.better === -1 };
      update();
    });
    title.append(button);
    head.append(title);
  });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 120);
  });
  document.getElementById("clear").addEventListener("click", () => {
    search.value = "";
    sorting = { name: null, down: false };
    update();
  });
  for (const tile of document.querySelectorAll(".tiles button")) {
    tile.addEventListener("click", () => {
      search.value = tile.dataset.term;
      update();
    });
  }
  frame.addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", draw);

  const asked = new URLSearchParams(location.hash.slice(1));
  const sort = asked.get("sort") || "";
  const name = sort.replace(/^-/, "");
  if (place.has(name)) sorting = { name, down: sort.startsWith("-") };
  search.value = asked.get("filter") || "";
  update();
})();
