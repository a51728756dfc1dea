"use strict";
{
  const result = document.createElement("pre");
  result.id = "result";
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const one = (selector) => {
    const found = document.querySelector(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  };
  const check = (truth, what) => {
    if (!truth) throw new Error(what);
  };
  const equal = (is, should, what) =>
    check(is === should, `${what}: ${JSON.stringify(is)} is not ${JSON.stringify(should)}`);
  const devices = () => all("#devices > tbody").filter((row) => !row.hidden);
  const type = (id, text) => {
    const field = document.getElementById(id);
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const heading = (text) => all("#devices thead th").find((th) => th.textContent.startsWith(text));
  const column = (text) => {
    const place = heading(text).cellIndex;
    return devices().map((row) => row.rows[0].cells[place].textContent.toLowerCase());
  };
  const address = (text) => text.split(" ")[0].split(".").map(Number);
  const data = JSON.parse(document.getElementById("data").textContent);
  const sorted = (keys, before) => keys.every((key, i) => i === 0 || before(keys[i - 1], key));

  const sorting = () => {
    const button = heading("Kind").querySelector("button");
    button.click();
    equal(heading("Kind").getAttribute("aria-sort"), "ascending", "a first click");
    check(sorted(column("Kind"), (a, b) => a <= b), "kinds ascend");
    button.click();
    equal(heading("Kind").getAttribute("aria-sort"), "descending", "a second click");
    check(sorted(column("Kind"), (a, b) => a >= b), "kinds descend");
    heading("Address").querySelector("button").click();
    equal(heading("Kind").getAttribute("aria-sort"), null, "only one column is sorted by");
    const addresses = column("Address");
    const known = addresses.filter((text) => /^[0-9.]+( |$)/.test(text)).map(address);
    const ascends = (a, b) => {
      const place = a.findIndex((part, i) => part !== b[i]);
      return place < 0 || a[place] < b[place];
    };
    check(known.length > 10 && sorted(known, ascends), "addresses ascend as numbers");
    const last = addresses.findLastIndex((text) => /^[0-9]/.test(text));
    const others = addresses.slice(last + 1);
    check(others.every((text) => !/^[0-9.]+( |$)/.test(text)), "unknown addresses come last");
  };

  const searching = () => {
    const number = devices().length;
    check(number > 20, "all devices are shown");
    type("search", "magnetron NORTHWIND");
    equal(devices().length, 1, "devices with both words");
    equal(one("#shown").textContent, `1 of ${number} devices shown`, "the status");
    type("search", "no such thing at all");
    equal(devices().length, 0, "devices without a match");
    type("search", "");
    type("kind", "medical");
    check(devices().length > 3 && devices().length < number, "a class leaves some");
    const printers = column("Kind").filter((kind) => kind === "printer" || kind === "switch");
    equal(printers.length, 0, "devices of another class");
    type("kind", "");
    equal(devices().length, number, "devices without a filter");
  };

  const opening = () => {
    const [row] = devices();
    const opener = row.querySelector(".opener");
    const sheet = document.getElementById(opener.getAttribute("aria-controls"));
    check(sheet && sheet.hidden, "a sheet is closed at first");
    opener.click();
    check(!sheet.hidden && sheet.offsetHeight > 100, "a click opens it");
    equal(opener.getAttribute("aria-expanded"), "true", "an open sheet");
    check(sheet.textContent.includes("Identity"), "it says what the device is");
    opener.click();
    check(sheet.hidden, "another click closes it");
    one("#all").click();
    check(devices().every((row) => !row.rows[1].hidden), "all are opened");
    one("#all").click();
    check(devices().every((row) => row.rows[1].hidden), "all are closed");
  };

  const following = async () => {
    const link = one("#not-assessed ~ div a[href^='#d-']");
    link.click();
    await new Promise((done) => setTimeout(done, 100));
    const row = document.getElementById(link.getAttribute("href").slice(1));
    check(row && !row.rows[1].hidden, "a link opens its device");
  };

  const safety = () => {
    const script = document.createElement("script");
    script.textContent = "window.intruder = true";
    document.body.append(script);
    equal(window.intruder, undefined, "a script that is not ours");
    equal(performance.getEntriesByType("resource").length, 0, "files loaded from elsewhere");
    equal(all("[src], link, iframe, object, embed, [style]").length, 0, "things from outside");
  };

  const structure = () => {
    equal(document.documentElement.lang, "en", "the language");
    equal(all("h1").length, 1, "main headings");
    let level = 0;
    for (const heading of all("h1, h2, h3, h4")) {
      const own = Number(heading.tagName[1]);
      check(own <= level + 1, `a level is left out before ${heading.textContent}`);
      level = own;
    }
    check(all("th").every((th) => th.scope), "every heading of a table has its scope");
    check(all("svg").every((svg) => svg.getAttribute("aria-label")
      || svg.getAttribute("aria-hidden")), "every drawing has words");
    const ids = all("[id]").map((element) => element.id);
    equal(new Set(ids).size, ids.length, "identifiers");
    const known = new Set(data.columns.id.map((id) => `#d-${data.texts[id]}`));
    for (const link of all("a[href^='#']")) {
      const to = document.getElementById(link.hash.slice(1));
      check(to || known.has(link.hash), `${link.hash} leads nowhere`);
    }
    check(document.documentElement.scrollWidth <= window.innerWidth, "the page is too wide");
  };

  const colour = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts[3] ?? 1 };
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, alpha } = colour(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = () => {
    one("#all").click();
    let number = 0;
    for (const element of all("body *:not(script):not(style)")) {
      const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!own || element.closest("svg") || element.closest("[hidden]")) continue;
      const [a, b] = [colour(getComputedStyle(element).color).rgb, background(element)]
        .map(luminance).sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      check(ratio >= 4.5, `${ratio.toFixed(2)} is little contrast: ${element.outerHTML}`);
      number += 1;
    }
    check(number > 300, "texts were looked at");
  };

  // More than one page of devices: found, sorted and followed over all of them.
  const paging = async () => {
    const total = data.columns.id.length;
    const number = (count) => count.toLocaleString("en");
    const shown = () => one("#shown").textContent;
    equal(devices().length, 50, "rows of a page");
    equal(shown(), `Devices 1 to 50 of ${number(total)} that match, of ${number(total)}`,
      "the first page");
    check(one("#before").disabled && !one("#after").disabled, "there is none before it");
    one("#after").click();
    check(shown().startsWith("Devices 51 to 100 of"), "the next page");
    type("search", "magnetron northwind");
    equal(shown(), "Devices 1 to 50 of 420 that match, of 10,080", "found over all");
    type("search", `copy-${total - 1}`);
    equal(devices().length, 1, "the last device is found");
    type("search", "");
    heading("Address").querySelector("button").click();
    const [first] = column("Address");
    check(column("Address").every((text) => text === first), "420 copies share an address");
    // The last device stands on another page.
    const id = data.texts[data.columns.id[total - 1]];
    location.hash = `#d-${id}`;
    await new Promise((done) => setTimeout(done, 100));
    const row = document.getElementById(`d-${id}`);
    check(row && !row.rows[1].hidden, "a link opens its device on its page");
    check(row.textContent.includes("is left out"), "what is left out is told");
  };

  (async () => {
    try {
      if (data.columns.id.length > 50) await paging();
      else {
        safety();
        structure();
        searching();
        sorting();
        opening();
        await following();
        contrast();
      }
      result.textContent = "done";
    } catch (error) {
      result.textContent = error.message;
    }
    document.body.append(result);
  })();
}
