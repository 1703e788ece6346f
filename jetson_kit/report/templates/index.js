"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const text = (number) => data.texts[number];
  const KEYS = ["site", "host", "verdict", "state", "expected", "good", "reasons", "remedy", "image", "release", "model", "time", "evidence", "bytes", "tasks", "versions", "file"];
  const TEXTS = ["site", "verdict", "state", "expected", "remedy", "image", "release", "model"];
  const boards = data.rows.map((row) => {
    const board = Object.fromEntries(KEYS.map((key, place) => [key, row[place]]));
    for (const key of TEXTS) board[key] = text(board[key]);
    board.reasons = board.reasons.map(text);
    return board;
  });
  const list = byId("list"), find = byId("find"), dialog = byId("board");
  const tiles = [...document.querySelectorAll(".tile")];
  const choices = { site: byId("site"), release: byId("release") };
  let chosen = "", left = boards, high = 58, drawn = new Map();

  const make = (tag, className, words) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (words !== undefined) element.textContent = words;
    return element;
  };
  const chip = (verdict) => {
    const result = make("span", `chip v-${verdict}`);
    const sign = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    sign.setAttribute("class", "sign");
    sign.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#v-${verdict}`);
    sign.append(use);
    result.append(sign, verdict === "none" ? "no answer" : verdict);
    return result;
  };
  const age = (seconds) => {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= size) return `${Math.round(seconds / size)} ${unit}`;
    }
    return `${Math.max(0, Math.round(seconds))} s`;
  };
  const short = (image) => image.replace(/^sha256:/, "").slice(0, 12);
  const opening = (board) => `${encodeURIComponent(board.site || "-")}/${encodeURIComponent(board.host)}`;

  // As a shell takes a word, whatever is in it.
  const quoted = (word) => /^[\w@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
  const command = (board) => data.how
    .map((word) => quoted(word.map((part) => part.of ? board[part.of] ?? "" : part).join(""))).join(" ");

  const row = (place) => {
    const board = left[place];
    const result = make("div", "row");
    result.setAttribute("role", "row");
    result.setAttribute("aria-rowindex", String(place + 1));
    result.style.transform = `translateY(${place * high}px)`;
    const name = make("div");
    name.setAttribute("role", "rowheader");
    const button = make("button", "", board.host);
    button.type = "button";
    name.append(button, make("small", "", [board.site, board.model].filter(Boolean).join(" · ")));
    const verdict = make("div", "verdict");
    const small = make("small");
    if (board.verdict === "none") small.textContent = "";
    else if (board.state !== "sound") small.append(make("em", "", board.state));
    else if (board.good) small.textContent = "as expected";
    else small.append(make("em", "", board.verdict === board.expected ? "tests failed" : `expected ${board.expected}`));
    verdict.append(chip(board.verdict), small);
    const release = make("div", "release", board.release || short(board.image) || "–");
    release.title = [board.release, board.image].filter(Boolean).join(" ");
    const when = make("div", "age", board.time === null ? "–" : age(data.made - board.time));
    const cells = [verdict, make("div", "because", board.reasons.join("; ")), release, when];
    for (const cell of cells) cell.setAttribute("role", "cell");
    result.append(name, ...cells);
    result.addEventListener("click", () => { if (!String(getSelection())) open(board); });
    return result;
  };

  const draw = () => {
    const top = list.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / high) - 8);
    const last = Math.min(left.length, Math.ceil((innerHeight - top) / high) + 8);
    for (const [place, element] of drawn) {
      if (place < first || place >= last) {
        element.remove();
        drawn.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (drawn.has(place)) continue;
      const element = row(place);
      drawn.set(place, element);
      list.append(element);
    }
  };
  const layout = () => {
    high = parseFloat(getComputedStyle(list).getPropertyValue("--high"));
    for (const element of drawn.values()) element.remove();
    drawn.clear();
    list.style.height = `${left.length * high + (left.length ? 2 : 0)}px`;
    list.setAttribute("aria-rowcount", String(left.length));
    draw();
  };

  const words = (board) => board.words ??= [board.host, board.site, board.model, board.image, board.release,
    board.state, ...board.reasons, board.remedy].join("\n").toLowerCase();
  const fits = (board) => chosen === "good" ? board.good : chosen === "bad" ? !board.good : !chosen || board.verdict === chosen;
  const update = () => {
    const query = find.value.trim().toLowerCase();
    const site = choices.site.value, release = choices.release.value;
    left = boards.filter((board) => fits(board) && (!site || board.site === site)
      && (!release || (board.release || short(board.image) || "none") === release)
      && (!query || words(board).includes(query)));
    for (const tile of tiles) tile.setAttribute("aria-pressed", String(tile.dataset.filter === chosen));
    byId("shown").textContent = left.length === boards.length ? "" : `${left.length} of ${boards.length} shown`;
    byId("none").hidden = left.length > 0;
    layout();
  };
  const offer = (select, name, values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size < 2) return;
    select.append(new Option(`all ${name}`, ""));
    for (const value of [...counts.keys()].sort()) select.append(new Option(`${value} (${counts.get(value)})`, value));
    select.hidden = false;
    select.addEventListener("change", update);
  };

  const fact = (facts, name, value) => {
    if (!value) return;
    const pair = make("div", String(value).length > 40 ? "long" : "");
    pair.append(make("dt", "", name), make("dd", "", String(value)));
    facts.append(pair);
  };
  const open = (board) => {
    byId("board-name").textContent = board.site ? `${board.host} at ${board.site}` : board.host;
    const place = byId("board-facts");
    place.replaceChildren();
    const chips = make("div", "chips");
    chips.append(chip(board.verdict), make("span", "", board.good ? "as expected" : ["absent", "sound"].includes(board.state) ? "not as expected" : board.state));
    [...board.tasks].forEach((letter, number) => {
      if (letter === "-") return;
      const task = make("span", "", `${data.tasks[number].replace(/(?<=[a-z])(?=[A-Z])/g, " ")} `);
      task.append(chip(data.letters[letter]));
      chips.append(task);
    });
    const reasons = make("ul");
    for (const reason of board.reasons) reasons.append(make("li", "", reason));
    place.append(chips, reasons);
    if (board.remedy) place.append(make("p", "remedy", board.remedy));
    const facts = make("dl", "report");
    fact(facts, "Expected", board.expected);
    fact(facts, "Model", board.model);
    fact(facts, "Release", board.release);
    fact(facts, "Image", board.image);
    for (const [name, value] of Object.entries(board.versions)) fact(facts, data.names[name] ?? name, value);
    if (board.time !== null) fact(facts, "Observed", new Date(board.time * 1000).toISOString().replace("T", " ").slice(0, 16) + " UTC");
    fact(facts, "Evidence, sha256", board.evidence);
    place.append(facts);
    evidence(board, place);
    history.replaceState(null, "", `#${opening(board)}`);
    dialog.showModal();
  };
  const evidence = (board, place) => {
    const frame = byId("board-evidence");
    frame.hidden = true;
    frame.removeAttribute("src");
    byId("board-wait").hidden = true;
    if (!board.evidence) {
      place.append(make("p", "note", "There is no evidence: the board gave no document."));
    } else if (data.served) {
      byId("board-wait").hidden = false;
      frame.src = `evidence/${opening(board)}`;
    } else {
      const note = make("p", "note", "Its evidence is not in this page. To see it: ");
      note.append(make("code", "", command(board)));
      place.append(note);
    }
  };
  byId("board-evidence").addEventListener("load", (event) => {
    if (!event.target.getAttribute("src")) return;
    byId("board-wait").hidden = true;
    event.target.hidden = false;
  });
  dialog.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const current = event.target.closest(".row");
    if (!step || !current) return;
    event.preventDefault();
    const here = Number(current.getAttribute("aria-rowindex")) - 1;
    const next = Math.min(left.length - 1, Math.max(0, here + step));
    const wide = list.getBoundingClientRect().top + scrollY + next * high;
    if (wide < scrollY || wide + high > scrollY + innerHeight) scrollTo(0, wide - innerHeight / 2);
    draw();
    drawn.get(next)?.querySelector("button").focus({ preventScroll: true });
  });
  for (const tile of tiles) {
    tile.disabled = false;
    tile.addEventListener("click", () => {
      chosen = chosen === tile.dataset.filter ? "" : tile.dataset.filter;
      update();
    });
  }
  find.addEventListener("input", update);
  offer(choices.site, "sites", boards.map((board) => board.site));
  offer(choices.release, "releases", boards.map((board) => board.release || short(board.image) || "none"));
  addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", layout);
  addEventListener("beforeprint", draw);

  const days = (Date.now() / 1000 - data.made) / 86400;
  if (days >= 1) {
    byId("stale").textContent = `, ${Math.floor(days)} d ago: no verdict here is of today`;
    byId("stale").hidden = false;
  }
  byId("tools").hidden = false;
  update();
  const wanted = boards.find((board) => location.hash === `#${opening(board)}`);
  if (wanted) open(wanted);
  performance.mark("usable");
})();
