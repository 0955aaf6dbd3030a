"use strict";
// Adds to a page that is whole without it: tables sort and filter, legends toggle their series, the
// values of a figure's marks are read with the keyboard, two trials are compared.

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const collator = new Intl.Collator("en", { numeric: true });

// By value; cells without one come last in both directions.
function compare(a, b, sign) {
  if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
  if (typeof a.value === "number" && typeof b.value === "number") return sign * (a.value - b.value);
  return sign * collator.compare(a.text, b.text);
}

function key(cell) {
  const text = cell.textContent.trim();
  if (cell.dataset.value !== undefined) return { text, value: Number(cell.dataset.value) };
  return { text, value: text === "" || text === "-" || text === "—" || text === "–" ? null : text };
}

function sortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = element("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
      const order = next === undefined ? "ascending" : next;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      let rows = original;
      if (order) {
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        rows = original
          .map((row) => ({ row, ...key(row.cells[column]) }))
          .sort((a, b) => compare(a, b, sign))
          .map((entry) => entry.row);
      }
      body.append(...rows);
    });
  });
  if (original.length >= 6) filterable(table, original);
}

function filterable(table, rows) {
  const name = table.closest(".wide").getAttribute("aria-label");
  const input = element("input", { type: "search" });
  const found = element("span", {});
  found.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    found.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  const label = element("label", {}, `Filter ${name} `, input);
  table.closest(".wide").before(element("div", { className: "tools" }, label, found));
}

function legend(drawing) {
  const parts = [...drawing.querySelectorAll("[data-series]")];
  const labels = [...new Set(parts.map((part) => part.dataset.series))];
  if (labels.length < 2) return;
  const tools = element("div", { className: "tools" }, "Show:");
  const buttons = labels.map((label) => element("button", { type: "button" }, label));
  const show = (label, on) => {
    buttons[labels.indexOf(label)].setAttribute("aria-pressed", String(on));
    for (const part of drawing.querySelectorAll("[data-series], [data-legend]")) {
      const named = part.dataset.series ?? part.dataset.legend;
      if (named === label) part.classList.toggle("off", !on);
    }
  };
  labels.forEach((label, at) => {
    show(label, true);
    buttons[at].addEventListener("click", () =>
      show(label, buttons[at].getAttribute("aria-pressed") !== "true"));
  });
  tools.append(...buttons);
  drawing.closest(".wide").before(tools);
  shown.set(drawing, { labels, show });
}

const shown = new Map();

// A tooltip needs a pointer; these buttons show the same texts, and so does a tap on a mark.
function values(drawing) {
  const marks = [...drawing.querySelectorAll("title")].map((title) => title.parentNode);
  if (!marks.length) return;
  const said = element("output", {});
  let at = -1;
  const show = (next) => {
    marks[at]?.classList.remove("pointed");
    at = (next + marks.length) % marks.length;
    marks[at].classList.add("pointed");
    said.textContent = marks[at].querySelector("title").textContent;
  };
  const step = (by) => {
    const hidden = (n) => marks[(n + marks.length) % marks.length].closest(".off");
    let next = at < 0 && by < 0 ? marks.length - 1 : at + by;
    for (let tries = 0; tries < marks.length && hidden(next); tries++) next += by;
    show(next);
  };
  const [back, on] = ["Previous value", "Next value"].map((text) =>
    element("button", { type: "button" }, text));
  back.addEventListener("click", () => step(-1));
  on.addEventListener("click", () => step(1));
  marks.forEach((mark, number) => mark.addEventListener("click", () => show(number)));
  drawing.closest(".wide").after(element("div", { className: "tools" }, back, on, said));
}

function facts(page) {
  const found = new Map();
  for (const table of page.querySelectorAll(".facts")) {
    for (const { cells } of table.tBodies[0].rows) {
      found.set(`${table.caption.textContent}: ${cells[0].textContent}`, cells[1].textContent);
    }
  }
  return found;
}

// Lets two trials be chosen, shows in what they differ, and only their curves.
function comparison(pages) {
  if (pages.length < 2) return;
  const place = element("div", {});
  const choices = ["Compare trial", "with"].map((text) => {
    const select = element("select", {}, element("option", { value: "" }, "(choose)"));
    pages.forEach((page, number) => select.append(
      element("option", { value: String(number) }, page.querySelector("summary").textContent)));
    select.addEventListener("change", update);
    return { select, label: element("label", {}, `${text} `, select) };
  });
  function update() {
    const chosen = choices.map(({ select }) => pages[select.value]);
    if (chosen.includes(undefined) || chosen[0] === chosen[1]) return place.replaceChildren();
    const [left, right] = chosen.map(facts);
    const ids = chosen.map((page) => page.id.replace("trial-", ""));
    const names = [...new Set([...left.keys(), ...right.keys()])];
    const differing = names.filter((name) => left.get(name) !== right.get(name));
    const cell = (kind, text, scope) => element(kind, scope ? { scope } : {}, text ?? "");
    const rows = differing.map((name) => element("tr", {}, cell("th", name, "row"),
      cell("td", left.get(name)), cell("td", right.get(name))));
    const head = element("tr", {}, ...["", ...ids].map((text) => cell(text ? "th" : "td", text, text && "col")));
    const caption = `In ${differing.length} of ${names.length} settings and results they differ.`;
    const table = element("table", { className: "facts" }, element("caption", {}, caption),
      element("thead", {}, head), element("tbody", {}, ...rows));
    const wide = element("div", { className: "wide", tabIndex: 0 }, table);
    wide.setAttribute("role", "region");
    wide.setAttribute("aria-label", "Comparison of two trials");
    place.replaceChildren(wide);
    const drawing = [...shown.keys()].pop();
    const curves = ids.map((id) => shown.get(drawing)?.labels.find((label) => label.startsWith(id.slice(0, 6))));
    if (curves.every(Boolean)) {
      const { labels, show } = shown.get(drawing);
      labels.forEach((label) => show(label, curves.includes(label)));
    }
  }
  const tools = element("div", { className: "tools" }, ...choices.map(({ label }) => label));
  pages[0].before(tools, place);
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(".drawing").forEach(legend);
document.querySelectorAll(".drawing").forEach(values);
comparison([...document.querySelectorAll("details[id^=trial-]")]);
