"use strict";
(() => {
  const all = [...document.querySelectorAll("main > table > tbody")];
  const tiles = [...document.querySelectorAll(".tile")];
  const byId = (id) => document.getElementById(id);
  const find = byId("find"), open = byId("open"), shown = byId("shown");
  const words = new Map(all.map((body) => {
    const why = body.querySelector("summary").textContent;
    const ids = [...body.querySelectorAll(".facts th, .facts .id")].map((cell) => cell.textContent);
    return [body, [why, ...ids].join(" ").toLowerCase()];
  }));
  let chosen = "";

  const fits = (body) => {
    if (chosen === "as-expected") return body.dataset.expected === "yes";
    if (chosen === "not-expected") return body.dataset.expected === "no";
    return !chosen || body.dataset.verdict === chosen;
  };
  const visible = () => all.filter((body) => !body.hidden);
  const evidence = (body) => body.querySelector("details");
  const label = () => {
    const left = visible();
    const every = left.length > 0 && left.every((body) => evidence(body).open);
    open.textContent = every ? "Close all" : "Open all";
    // Hundreds of open devices are of no use to a reader, and slow.
    open.disabled = left.length === 0 || left.length > 60;
  };
  const update = () => {
    const asked = find.value.trim().toLowerCase();
    for (const body of all) body.hidden = !(fits(body) && words.get(body).includes(asked));
    for (const tile of tiles) tile.setAttribute("aria-pressed", String(tile.dataset.filter === chosen));
    const left = visible().length;
    shown.textContent = left === all.length ? "" : `${left} of ${all.length} shown`;
    byId("none").hidden = left > 0;
    label();
  };

  for (const tile of tiles) {
    tile.disabled = false;
    tile.addEventListener("click", () => {
      chosen = chosen === tile.dataset.filter ? "" : tile.dataset.filter;
      update();
    });
  }
  find.addEventListener("input", update);
  open.addEventListener("click", () => {
    const closed = visible().some((body) => !evidence(body).open);
    for (const body of visible()) evidence(body).open = closed;
  });

  for (const body of all) {
    evidence(body).addEventListener("toggle", label);
    const row = body.querySelector(".facts");
    row.classList.add("opens");
    row.addEventListener("click", () => {
      // A text that is being marked is not a click.
      if (!String(getSelection())) evidence(body).open = !evidence(body).open;
    });
  }

  const unpack = async (place) => {
    const packed = place.dataset.packed;
    delete place.dataset.packed;
    const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    place.textContent = await new Response(stream).text();
  };
  for (const box of document.querySelectorAll(".json")) {
    box.addEventListener("toggle", () => {
      const place = box.querySelector("[data-packed]");
      if (place && "DecompressionStream" in window) unpack(place);
    });
  }

  const days = (Date.now() / 1000 - Number(document.body.dataset.made)) / 86400;
  if (days >= 1) {
    byId("stale").textContent = `, ${Math.floor(days)} d ago: no verdict here is of today`;
    byId("stale").hidden = false;
  }
  byId("tools").hidden = false;
  update();
})();
