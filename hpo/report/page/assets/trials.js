"use strict";
// All trials: sorted, filtered, in pages, and as CSV.

const PAGE_ROWS = 50;
const trialColumns = [
  { name: "trial", of: (row) => model.trials.id[row] },
  { name: "status", isText: true, of: (row) => model.trials.statuses[model.trials.status[row]] },
  { name: model.metric, of: (row) => model.trials.value[row] },
  { name: model.resource, of: (row) => model.trials.resource[row] },
  ...(levels.length ? [{ name: "rung", of: (row) => model.trials.rung[row] }] : []),
  { name: "attempts", of: (row) => model.trials.attempts[row] },
  { name: "time", csv: "seconds", of: (row) => duration(model.trials.seconds[row]), order: (row) => model.trials.seconds[row] },
  ...(model.trials.causes.some(Boolean) ? [{ name: "cause", isText: true, of: (row) => model.trials.causes[model.trials.cause[row]] }] : []),
  ...model.hyperparameters.map((one) => ({
    name: one.name,
    isText: one.labels.length > 0,
    of: (row) => (one.values[row] === null ? "" : one.labels.length ? one.labels[one.values[row]] : one.values[row]),
    order: (row) => one.values[row],
  })),
];
const trialsView = { column: 0, down: false, page: 0, rows: [] };

// Nothing last, whichever way it is sorted.
function compared(a, b, down) {
  const [noA, noB] = [a === null || a === "", b === null || b === ""];
  if (noA || noB) return noA - noB;
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return down ? -order : order;
}

function chooseRows() {
  const words = byId("trials-filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const status = byId("trials-status").value;
  const column = trialColumns[trialsView.column];
  const key = column.order || column.of;
  const rows = model.trials.id.map((_, row) => row).filter((row) => {
    if (status && trialColumns[1].of(row) !== status) return false;
    if (!words.length) return true;
    const cells = trialColumns.map(({ of }) => of(row)).map((cell) => (typeof cell === "number" ? number(cell) : String(cell ?? "")).toLowerCase());
    return words.every((word) => cells.some((cell) => cell.includes(word)));
  });
  trialsView.rows = rows.sort((a, b) => compared(key(a), key(b), trialsView.down) || a - b);
  trialsView.page = 0;
  showTrials();
}

function showTrials() {
  const { rows, page, column, down } = trialsView;
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const table = element("table");
  table.append(element("thead"), element("tbody"));
  const top = element("tr");
  trialColumns.forEach(({ name, isText }, at) => {
    const head = element("th", undefined, { scope: "col", class: isText ? "" : "n" });
    const isSorted = at === column;
    if (isSorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const button = element("button", `${shortened(name, 40)}${isSorted ? (down ? " ▼" : " ▲") : ""}`, { type: "button" });
    button.addEventListener("click", () => {
      trialsView.down = isSorted && !down;
      trialsView.column = at;
      chooseRows();
      byId("trials-table").querySelectorAll("th button")[at].focus();
    });
    head.append(button);
    top.append(head);
  });
  table.tHead.append(top);
  for (const row of rows.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)) {
    const line = element("tr");
    trialColumns.forEach(({ of, isText }, at) => {
      const cell = of(row);
      const text = typeof cell === "number" ? number(cell) : String(cell ?? "");
      line.append(element(at ? "td" : "th", text, { class: isText ? "" : "n", ...(at ? {} : { scope: "row" }) }));
    });
    table.tBodies[0].append(line);
  }
  byId("trials-table").replaceChildren(table);
  byId("trials-count").textContent = `${rows.length} of ${model.trials.id.length} trials`;
  byId("trials-page").textContent = `page ${page + 1} of ${pages}`;
  byId("trials-pages").hidden = pages === 1;
  byId("trials-back").disabled = page === 0;
  byId("trials-next").disabled = page + 1 >= pages;
}

// A text that a spreadsheet would take for a formula begins with an apostrophe.
function csvCell(cell) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvText() {
  const lines = [trialColumns.map(({ name, csv }) => csvCell(csv || name)), ...trialsView.rows.map((row) => trialColumns.map(({ of, order, csv }) => csvCell((csv ? order : of)(row))))];
  return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
}

function beginTrials() {
  if (!byId("trials-table")) return;
  for (const status of new Set(model.trials.status)) byId("trials-status").append(element("option", model.trials.statuses[status]));
  byId("trials-form").addEventListener("submit", (event) => event.preventDefault());
  byId("trials-filter").addEventListener("input", chooseRows);
  byId("trials-status").addEventListener("change", chooseRows);
  const turn = (step) => () => {
    trialsView.page += step;
    showTrials();
  };
  byId("trials-back").addEventListener("click", turn(-1));
  byId("trials-next").addEventListener("click", turn(1));
  byId("trials-csv").addEventListener("click", () => {
    const link = element("a", undefined, { download: "trials.csv", href: URL.createObjectURL(new Blob([csvText()], { type: "text/csv" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  chooseRows();
}
