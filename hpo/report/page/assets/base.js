"use strict";
// The data, how numbers are written, and charts that are drawn when they are scrolled to.

const model = JSON.parse(document.getElementById("data").textContent);
const rowOf = new Map(model.trials.id.map((id, row) => [id, row]));
const levels = [...new Set(model.rungs.map((rung) => rung.rung))];
const better = model.sign > 0 ? "lower is better" : "higher is better";

function byId(id) {
  return document.getElementById(id);
}

// An element with text in it: the only way in which anything gets into the page.
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(5)));
}

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// ---------------------------------------------------------------- colours

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Of `steps` colours from the quiet one to the strong one, that of `step`.
function stepColour(step, steps) {
  const share = steps > 1 ? Math.min(1, step / (steps - 1)) : 1;
  const [low, high] = [channels(colour("low")), channels(colour("high"))];
  return `rgb(${low.map((from, i) => Math.round(from + share * (high[i] - from))).join(",")})`;
}

function rungColour(rung) {
  return stepColour(Math.max(0, levels.indexOf(rung)), Math.max(1, levels.length));
}

function levelName(rung) {
  const found = model.rungs.find((one) => one.rung === rung && one.level !== null);
  return found ? `${model.resource} ${found.level}` : `rung ${rung}`;
}

// ---------------------------------------------------------------- charts

const charts = new Map(); // by id of the element: {option, table, drawn}

function isNarrow(place) {
  return place.clientWidth < 520;
}

// `option` gives what ECharts is told, for the place's width; `table` the same as {head, rows}.
function chart(id, { option, table, after }) {
  const place = byId(id);
  if (place) charts.set(id, { place, option, table, after, drawn: null });
}

function draw(id) {
  const one = charts.get(id);
  if (one.drawn) one.drawn.dispose();
  one.drawn = echarts.init(one.place, null, { renderer: "canvas" });
  one.drawn.setOption({ ...frame(), ...one.option(one.place) });
  if (one.after) one.after(one.drawn);
}

function drawAgain() {
  for (const [id, one] of charts) if (one.drawn) draw(id);
}

function frame() {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { color: colour("text"), fontFamily: "system-ui, sans-serif", fontSize: 12 },
    tooltip: tooltip("item"),
  };
}

function tooltip(trigger) {
  return {
    trigger,
    confine: true,
    backgroundColor: colour("ground"),
    borderColor: colour("line"),
    textStyle: { color: colour("text") },
    padding: 8,
  };
}

// What a pointer sees of a point: lines of text, never markup.
function tip(title, ...lines) {
  const box = element("div", undefined, { class: "tip" });
  box.append(element("b", title));
  for (const line of lines.filter(Boolean)) box.append(element("div", line));
  return box;
}

function trialTip(id, ...lines) {
  const row = rowOf.get(id);
  const values = row === undefined ? [] : model.hyperparameters.slice(0, 12).map((one) => {
    const value = shown(one, row);
    return value === "" ? "" : `${shortened(one.name, 40)}=${shortened(value, 60)}`;
  });
  return tip(`trial ${id}`, ...lines, ...values);
}

// A hyperparameter's value of a trial as text; empty where it has none.
function shown(one, row) {
  const value = one.values[row];
  if (value === null) return "";
  return one.labels.length ? one.labels[value] : number(value);
}

function axis(name, more = {}) {
  const quiet = colour("quiet");
  return {
    type: "value",
    name,
    nameTextStyle: { color: quiet, align: "left", padding: [0, 0, 0, 0] },
    axisLine: { show: true, onZero: false, lineStyle: { color: quiet } },
    axisTick: { show: true, lineStyle: { color: quiet } },
    axisLabel: { color: quiet, hideOverlap: true },
    splitLine: { lineStyle: { color: colour("line"), opacity: 0.6 } },
    ...more,
  };
}

function xAxis(name, more = {}) {
  return axis(name, {
    nameLocation: "middle",
    nameGap: 28,
    nameTextStyle: { color: colour("quiet") },
    splitLine: { show: false },
    ...more,
  });
}

// Round numbers on a logarithmic axis: 1, 2, 5 in each decade, or the decades alone.
function logTicks(low, high, wide = 3) {
  const decades = Math.log10(high / low);
  const parts = decades > wide ? [1] : decades > 1.2 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const part of parts) {
      const value = Number((part * 10 ** power).toPrecision(3));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}

// An axis between two numbers; of one with a logarithm the numbers are its logarithms.
function scaled(name, { log, low, high }, more = {}) {
  if (!log) {
    return axis(name, { min: low, max: high, axisLabel: label((v) => roundEnd(v, low, high)), ...more });
  }
  const ticks = logTicks(low, high).map(Math.log10);
  return axis(name, {
    min: Math.log10(low),
    max: Math.log10(high),
    axisLabel: { ...label((v) => number(10 ** v)), customValues: ticks },
    axisTick: { customValues: ticks, lineStyle: { color: colour("quiet") } },
    splitLine: { show: false },
    ...more,
  });
}

function label(formatter) {
  return { color: colour("quiet"), hideOverlap: true, formatter };
}

// The ends of an axis are as the data wants them, and get no number of their own.
function roundEnd(value, low, high) {
  const isEnd = value === low || value === high;
  return isEnd && String(Number(value.toPrecision(3))) !== String(value) ? "" : number(value);
}

function metricAxis(bounds, more = {}) {
  return scaled(`${shortened(model.metric, 30)} (${better})`, bounds, more);
}

// A value of the metric where the axis can show it.
function clipped(value, bounds) {
  const inside = Math.min(bounds.high, Math.max(bounds.low, value));
  return bounds.log ? Math.log10(Math.max(inside, bounds.low)) : inside;
}

function timeAxis(more = {}) {
  const { name, seconds } = model.unit;
  return xAxis(`time since the campaign began (${name})`, { min: 0, max: model.span / seconds || 1, axisLabel: label((v) => roundEnd(v, 0, model.span / seconds)), ...more });
}

function inUnit(seconds) {
  return seconds / model.unit.seconds;
}

// Points of one colour. Thousands are drawn as one shape, else each is one of its own.
function dots(data, color, size) {
  const many = model.measured.value.length > 2000;
  return { type: "scatter", data, symbolSize: many ? 3 : size, large: many, largeThreshold: 1, progressive: 0, itemStyle: { color, opacity: many ? 0.5 : 0.85 }, z: 3 };
}

// ---------------------------------------------------------------- tables

const MOST_ROWS = 500;

function fill(place, { head, rows }) {
  const table = element("table");
  const top = element("tr");
  for (const { name, isText } of head) top.append(element("th", name, { scope: "col", class: isText ? "" : "n" }));
  table.append(element("thead"), element("tbody"));
  table.tHead.append(top);
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = element("tr");
    row.forEach((cell, at) => line.append(element(at ? "td" : "th", typeof cell === "string" ? cell : number(cell), { class: head[at].isText ? "" : "n", ...(at ? {} : { scope: "row" }) })));
    table.tBodies[0].append(line);
  }
  if (rows.length > MOST_ROWS) table.prepend(element("caption", `The first ${MOST_ROWS} of ${rows.length}; all trials are in the table below.`));
  place.replaceChildren(table);
}

function heads(...names) {
  return names.map((name) => (name.startsWith("=") ? { name: name.slice(1), isText: true } : { name }));
}

function listenToTables() {
  for (const [id, one] of charts) {
    const place = byId(`${id}-table`);
    if (!place || !one.table) continue;
    place.parentElement.addEventListener("toggle", () => {
      if (place.parentElement.open && !place.firstChild) fill(place, one.table());
    });
  }
}
