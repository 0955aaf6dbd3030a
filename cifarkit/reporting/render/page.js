"use strict";
// Adds to a page that is whole without it: tables sort and filter, legends toggle their series.

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
  for (const label of labels) {
    const button = element("button", { type: "button" }, label);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const off = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!off));
      for (const part of drawing.querySelectorAll("[data-series], [data-legend]")) {
        const named = part.dataset.series ?? part.dataset.legend;
        if (named === label) part.classList.toggle("off", off);
      }
    });
    tools.append(button);
  }
  drawing.closest(".wide").before(tools);
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(".drawing").forEach(legend);
