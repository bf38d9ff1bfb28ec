"use strict";
// The page is complete without this script; it only adds sorting and filtering.
(() => {
  const rows = [...document.querySelectorAll("#machines tbody tr")];
  const form = document.getElementById("filter");

  // -- sorting: a button in each heading of a table that can be sorted ---------------------------
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.v ?? cell.textContent.trim();
    return text === "-" ? null : text;
  };
  const order = new Intl.Collator("en", { numeric: true });

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [value(row, heading.cellIndex), row]);
        keyed.sort(([a], [b]) => {
          // What is not known stays at the end in both directions.
          if (a === null || b === null) return (a === null) - (b === null);
          return down ? order.compare(b, a) : order.compare(a, b);
        });
        body.append(...keyed.map(([, row]) => row));
      });
    }
  }

  // -- filtering: everything on the page that is about a machine -----------------------------------
  if (!form) return;
  const about = rows.map((row) => ({
    index: row.dataset.m,
    texts: `${row.cells[0].textContent} ${row.dataset.addresses}`.toLowerCase(),
    wave: row.dataset.wave,
    place: row.dataset.place,
    attention: "attention" in row.dataset,
  }));
  const marked = [...document.querySelectorAll("[data-m]")];
  const shown = document.getElementById("shown");

  const apply = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const { wave, place, attention } = form.elements;
    const visible = new Set(
      about
        .filter(
          (machine) =>
            machine.texts.includes(text) &&
            (!wave.value || machine.wave === wave.value) &&
            (!place.value || machine.place === place.value) &&
            (!attention.checked || machine.attention),
        )
        .map((machine) => machine.index),
    );
    for (const element of marked) element.hidden = !visible.has(element.dataset.m);
    shown.value = `${visible.size} of ${about.length} machines`;
  };
  for (const event of ["input", "change"]) form.addEventListener(event, apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // -- the text of a bar, as its tooltip -------------------------------------------------------------
  document.querySelector("table.timeline")?.addEventListener("mouseover", (event) => {
    if (event.target.matches(".bar")) event.target.title = event.target.textContent.slice(0, -2);
  });
})();
