"use strict";
(() => {
  const table = document.getElementById("devices");
  if (!table) return;
  const rows = [...table.tBodies];
  const search = document.getElementById("search");
  const kind = document.getElementById("kind");
  const band = document.getElementById("band");
  const shown = document.getElementById("shown");
  const all = document.getElementById("all");
  document.getElementById("controls").hidden = false;
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const opener = (row) => row.querySelector(".opener");
  const open = (row, yes) => {
    row.rows[1].hidden = !yes;
    opener(row).setAttribute("aria-expanded", String(yes));
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, place) => {
      const fits = words.every((word) => texts[place].includes(word))
        && (!kind.value || row.dataset.class === kind.value)
        && (!band.value || row.dataset.band === band.value);
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.textContent = `${count} of ${rows.length} devices shown`;
  };
  const key = (row, column) => row.rows[0].cells[column].dataset.sort ?? "";
  const compare = (a, b, kind) => {
    if (kind === "number") return Number(a) - Number(b);
    return a < b ? -1 : Number(a > b);
  };
  const sort = (heading) => {
    const column = heading.cellIndex;
    const before = heading.getAttribute("aria-sort");
    const first = heading.dataset.first ?? "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = before === first ? other : first;
    for (const cell of heading.parentElement.cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sorted = [...table.tBodies].map((row, place) => [key(row, column), place, row]);
    const way = order === "ascending" ? 1 : -1;
    sorted.sort(([a, i], [b, j]) => {
      // What is not known stays at the end, whichever way round.
      if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
      return way * compare(a, b, heading.dataset.kind) || i - j;
    });
    for (const [, , row] of sorted) table.append(row);
  };
  for (const row of rows) {
    open(row, false);
    opener(row).addEventListener("click", () => open(row, row.rows[1].hidden));
  }
  for (const button of table.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button.parentElement));
  }
  for (const control of [search, kind, band]) control.addEventListener("input", filter);
  all.addEventListener("click", () => {
    const yes = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(yes));
    all.textContent = yes ? "Close all details" : "Open all details";
    for (const row of rows) if (!row.hidden) open(row, yes);
  });
  // A link to a device opens it.
  const follow = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.tagName === "TBODY") {
      row.hidden = false;
      open(row, true);
      row.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", follow);
  follow();
  filter();
})();
