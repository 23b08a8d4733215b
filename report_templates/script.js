"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const keyOf = (cell) => cell.dataset.sort ?? cell.textContent.trim();

  const compare = (a, b) => {
    const x = Number(a.replaceAll(",", ""));
    const y = Number(b.replaceAll(",", ""));
    return a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y) ? x - y : collator.compare(a, b);
  };

  // A row and those that belong beneath it move and hide together.
  const groupsOf = (table) => {
    const groups = [];
    for (const row of table.tBodies[0].rows) {
      if (row.classList.contains("under")) groups.at(-1).push(row);
      else groups.push([row]);
    }
    return groups;
  };

  const sort = (table, header, index) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const groups = groupsOf(table).map((group) => [keyOf(group[0].cells[index]), group]);
    groups.sort((a, b) => (descending ? compare(b[0], a[0]) : compare(a[0], b[0])));
    table.tBodies[0].replaceChildren(...groups.flatMap((pair) => pair[1]));
  };

  const makeSortable = (table) => {
    Array.from(table.tHead.rows[0].cells).forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, header, index));
    });
  };

  const makeFilter = (table) => {
    const groups = groupsOf(table);
    if (groups.length < 2) return;
    let texts = null;
    const tools = document.createElement("p");
    tools.className = "tools";
    const label = document.createElement("label");
    label.textContent = `Filter ${table.dataset.filter} `;
    const input = document.createElement("input");
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    label.append(input);
    const state = document.createElement("span");
    state.setAttribute("role", "status");
    const tell = (shown) => {
      state.textContent = `${shown.toLocaleString("en")} of ${groups.length.toLocaleString("en")} shown`;
    };
    const show = () => {
      texts ??= groups.map((group) => group.map((row) => row.textContent.toLowerCase()).join(" "));
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      groups.forEach((group, index) => {
        const fits = words.every((word) => texts[index].includes(word));
        for (const row of group) row.hidden = !fits;
        shown += fits;
      });
      tell(shown);
    };
    input.addEventListener("input", show);
    tools.append(label, state);
    table.closest(".scroll").before(tools);
    tell(groups.length);
  };

  for (const table of document.querySelectorAll("table[data-filter]")) makeFilter(table);
  for (const table of document.querySelectorAll("table[data-sortable]")) makeSortable(table);

  const addFold = (section) => {
    const parts = section.querySelectorAll("details.check");
    if (parts.length < 2) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fold";
    const name = () => {
      button.textContent = Array.from(parts).every((part) => part.open) ? "Close every check" : "Open every check";
    };
    button.addEventListener("click", () => {
      const open = !Array.from(parts).every((part) => part.open);
      for (const part of parts) part.open = open;
      name();
    });
    name();
    section.querySelector("h3").before(button);
  };

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const part = target?.closest("details");
    if (!part || part.open) return;
    part.open = true;
    target.scrollIntoView();
  };

  for (const section of document.querySelectorAll("section")) addFold(section);
  addEventListener("hashchange", reveal);
  reveal();

  const closed = new Set();
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      closed.add(part);
      part.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    closed.clear();
  });
})();
