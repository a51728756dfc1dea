"use strict";
(() => {
  const ROWS_OF_A_PAGE = 50;
  const one = (id) => document.getElementById(id);
  const data = JSON.parse(one("data").textContent);
  const { texts, lists, columns, bands, tables, details } = data;
  const total = columns.id.length;
  const table = one("devices");
  const number = (count) => count.toLocaleString("en");
  const make = (name, properties, ...inside) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  };

  // What is shown: places of devices, a page of them.
  const opened = new Set();
  let order = Array.from({ length: total }, (_, place) => place);
  let found = order;
  let page = 0;

  // Texts and lists that a device refers to, for the search.
  const walk = (part, into) => {
    if (typeof part === "number") into.push(part);
    else if (Array.isArray(part)) for (const inner of part) walk(inner, into);
  };
  const IN_ROW = ["id", "name", "made", "kind", "unit", "address", "software"];
  const references = [];
  const referred = (place) => {
    references[place] ??= (() => {
      const into = IN_ROW.map((name) => columns[name][place]);
      into.push(...lists[columns.findings[place]], ...lists[columns.cves[place]]);
      walk(details[place], into);
      return Uint32Array.from(into);
    })();
    return references[place];
  };
  let lowered = null;
  const holders = (word) => {
    lowered ??= texts.map((text) => text.toLowerCase());
    return lowered.map((text) => text.includes(word));
  };

  const filter = () => {
    const words = one("search").value.toLowerCase().split(/\s+/).filter(Boolean).map(holders);
    const kind = one("kind").value;
    const band = one("band").value;
    found = order.filter((place) => (!kind || texts[columns.class[place]] === kind)
      && (!band || bands[columns.band[place]][0] === band)
      && words.every((holds) => referred(place).some((text) => holds[text])));
    page = 0;
    draw();
  };

  // What a column sorts by; null where it is not known.
  const keys = (by) => {
    if (by === "findings") return columns.findings.map((list) => lists[list].length);
    if (["score", "address_order", "vulnerabilities_order", "seen"].includes(by)) {
      return columns[by];
    }
    return columns[by].map((text) => texts[text].toLowerCase() || null);
  };
  const sort = (heading) => {
    const first = heading.dataset.first;
    const other = first === "ascending" ? "descending" : "ascending";
    const wanted = heading.getAttribute("aria-sort") === first ? other : first;
    for (const cell of heading.parentElement.cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", wanted);
    const key = keys(heading.dataset.by);
    const way = wanted === "ascending" ? 1 : -1;
    order = [...order].sort((i, j) => {
      const [a, b] = [key[i], key[j]];
      if (a === b) return i - j;
      // What is not known stays at the end, whichever way round.
      if (a === null || b === null) return a === null ? 1 : -1;
      return a < b ? -way : way;
    });
    filter();
  };

  const link = (place) => make("a", { href: `#d-${texts[columns.id[place]]}` },
    texts[columns.name[place]]);
  const content = (cell, kind) => {
    if (typeof cell === "number") return [texts[cell]];
    if (Array.isArray(cell)) {
      const note = (place) => kind === "notes" && place > 0;
      return cell.map((text, place) =>
        make("div", { className: note(place) ? "quiet" : "" }, texts[text]));
    }
    return [link(cell.device)];
  };
  const list = (name, rows) => make(name, {},
    ...rows.map(([cell]) => make("li", {}, ...content(cell, "text"))));
  const grid = (name, rows) => {
    const headings = tables[name];
    const head = make("tr", {}, ...headings.map(([text, kind]) =>
      make("th", { scope: "col", className: kind === "number" ? "number" : "" }, text)));
    const body = rows.map((row) => make("tr", {}, ...row.map((cell, place) => {
      const kind = headings[place][1];
      const className = ["number", "code"].includes(kind) ? kind : "";
      if (place === 0) return make("th", { scope: "row", className }, ...content(cell, kind));
      return make("td", { className }, ...content(cell, kind));
    })));
    return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  };
  const hours = ([words, counts]) => {
    const map = one("hours").content.firstElementChild.cloneNode(true);
    map.setAttribute("aria-label", texts[words]);
    const squares = map.querySelectorAll("rect");
    const told = texts[counts].split(" ").map((pair) => pair.split(":").map(Number));
    const most = Math.max(...told.map(([, count]) => count));
    for (const [hour, count] of told) {
      const level = Math.min(Math.floor((count * 4) / most) + 1, 4);
      squares[hour].setAttribute("class", `heat-${level}`);
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.append(String(count));
      squares[hour].append(title);
    }
    return map;
  };
  const block = ([kind, title, rows]) => {
    const parts = title === 0 ? [] : [make("h3", {}, texts[title])];
    if (kind === "terms") {
      parts.push(make("dl", {}, ...rows.flatMap(([name, text]) =>
        [make("dt", {}, texts[name]), make("dd", {}, texts[text])])));
    } else if (kind === "text") {
      parts.push(make("p", { className: "quiet" }, ...content(rows[0][0], "text")));
    } else if (kind === "steps") parts.push(list("ol", rows));
    else if (kind === "points") parts.push(list("ul", rows));
    else if (kind === "hours") parts.push(hours(rows[0]));
    else parts.push(grid(kind, rows));
    return parts;
  };
  const sheet = (place) => {
    if (!details[place]) {
      return [make("p", {}, "To keep the page small, what is known of this device is left out "
        + "here; the XLSX and JSON hold it.")];
    }
    const [left, right, wide, below, beside] = details[place].map((blocks) =>
      blocks.flatMap(block));
    const beneath = (...sides) => make("div", { className: "columns" },
      ...sides.map((parts) => make("div", {}, ...parts)));
    return [beneath(left, right), ...wide, beneath(below, beside)];
  };

  const findings = (place) => {
    const [first, ...more] = lists[columns.findings[place]];
    if (first === undefined) return "none seen";
    return more.length ? `${texts[first]}, and ${more.length} more` : texts[first];
  };
  const seen = (place) => {
    const seconds = columns.seen[place];
    if (seconds === null) return "";
    return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  };
  const risk = (place) => {
    const [style, label] = bands[columns.band[place]];
    const badge = make("span", { className: `badge ${style}` }, label);
    const score = columns.score[place];
    return score === null ? [badge] : [`${score.toFixed(0)} `, badge];
  };
  const row = (place) => {
    const id = texts[columns.id[place]];
    const text = (name) => texts[columns[name][place]];
    const opener = make("button", { type: "button", className: "opener" }, text("name"));
    opener.setAttribute("aria-controls", `s-${id}`);
    const under = make("td", { colSpan: 9 });
    const below = make("tr", { className: "sheet", id: `s-${id}` }, under);
    const show = (yes) => {
      if (yes) opened.add(place);
      else opened.delete(place);
      if (yes && !under.firstChild) under.append(...sheet(place));
      below.hidden = !yes;
      opener.setAttribute("aria-expanded", String(yes));
    };
    opener.addEventListener("click", () => show(below.hidden));
    const name = make("th", { scope: "row" }, opener);
    if (text("made")) name.append(make("br"), make("small", {}, text("made")));
    const cells = [risk(place), text("kind"), text("unit"), text("address"), text("software"),
      findings(place), text("vulnerabilities"), seen(place)];
    const body = make("tbody", { id: `d-${id}` }, make("tr", {}, name,
      ...cells.map((inside) => make("td", {}, ...[inside].flat()))), below);
    show(opened.has(place));
    return body;
  };

  const all = one("all");
  const draw = () => {
    const last = Math.max(Math.ceil(found.length / ROWS_OF_A_PAGE) - 1, 0);
    page = Math.min(Math.max(page, 0), last);
    const begin = page * ROWS_OF_A_PAGE;
    const shown = found.slice(begin, begin + ROWS_OF_A_PAGE);
    for (const body of [...table.tBodies]) body.remove();
    table.append(...shown.map(row));
    const range = found.length > ROWS_OF_A_PAGE
      ? `Devices ${number(begin + 1)} to ${number(begin + shown.length)} of `
        + `${number(found.length)} that match, of ${number(total)}`
      : `${number(found.length)} of ${number(total)} devices shown`;
    one("shown").textContent = range;
    one("pages").hidden = last === 0;
    one("page").textContent = `Page ${number(page + 1)} of ${number(last + 1)}`;
    one("before").disabled = page === 0;
    one("after").disabled = page === last;
    all.setAttribute("aria-pressed", "false");
    all.textContent = "Open the details on this page";
  };
  const turn = (pages) => {
    page += pages;
    draw();
    one("shown").scrollIntoView();
  };

  // A link to a device opens it, on whichever page it is.
  let places = null;
  const follow = () => {
    if (!location.hash.startsWith("#d-")) return;
    places ??= new Map(columns.id.map((id, place) => [texts[id], place]));
    const place = places.get(decodeURIComponent(location.hash.slice(3)));
    if (place === undefined) return;
    if (!found.includes(place)) {
      for (const control of ["search", "kind", "band"]) one(control).value = "";
      filter();
    }
    opened.add(place);
    page = Math.floor(found.indexOf(place) / ROWS_OF_A_PAGE);
    draw();
    one(location.hash.slice(1)).scrollIntoView();
  };

  for (const button of table.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button.parentElement));
  }
  for (const control of ["search", "kind", "band"]) {
    one(control).addEventListener("input", filter);
  }
  one("before").addEventListener("click", () => turn(-1));
  one("after").addEventListener("click", () => turn(1));
  all.addEventListener("click", () => {
    const yes = all.getAttribute("aria-pressed") !== "true";
    for (const opener of table.querySelectorAll(".opener")) {
      if (opener.getAttribute("aria-expanded") !== String(yes)) opener.click();
    }
    all.setAttribute("aria-pressed", String(yes));
    all.textContent = yes ? "Close the details on this page" : "Open the details on this page";
  });
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const to = event.target.closest("a[href^='#d-']");
    if (to && to.hash === location.hash) follow();
  });
  one("controls").hidden = false;
  table.hidden = false;
  draw();
  follow();
})();
