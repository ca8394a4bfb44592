"use strict";
// The metric against each hyperparameter, parallel coordinates, and importance.

const hyperparameters = model.hyperparameters;

// The axis of a hyperparameter, between what was drawn or may be.
function parameterAxis(one, more = {}) {
  if (one.labels.length) {
    const most = one.labels.length > 12 ? 6 : 14;
    return { min: -0.5, max: one.labels.length - 0.5, axisLabel: { ...label((at) => (Number.isInteger(at) && one.labels[at] !== undefined ? shortened(one.labels[at], most) : "")), customValues: one.labels.map((_, at) => at) }, axisTick: { show: false }, ...more };
  }
  const { log } = one;
  const same = one.low === one.high;
  const low = same ? one.low - 0.5 : one.low;
  const high = same ? one.high + 0.5 : one.high;
  if (log && !same) {
    const ticks = logTicks(low, high, 2).map(Math.log10);
    return { min: Math.log10(low), max: Math.log10(high), axisLabel: { ...label((v) => number(10 ** v)), customValues: ticks }, axisTick: { customValues: ticks, lineStyle: { color: colour("quiet") } }, ...more };
  }
  return { min: low, max: high, axisLabel: label((v) => roundEnd(v, low, high)), ...more };
}

function onAxis(one, value) {
  if (value === null) return null;
  return one.log && !one.labels.length && one.low !== one.high ? Math.log10(value) : value;
}

// Trials with a value, those that were trained least first, so that the others lie over them.
const ranked = model.trials.id
  .map((id, row) => ({ id, row, value: model.trials.value[row], rung: model.trials.rung[row] }))
  .filter(({ value }) => value !== null)
  .sort((a, b) => a.rung - b.rung || a.id - b.id);

hyperparameters.forEach((one, index) => {
  chart(`slice-${index}`, {
    option() {
      const bounds = model.axis || { log: false, low: 0, high: 1 };
      const jitter = (id) => (one.labels.length ? (((id * 0.618) % 1) - 0.5) * 0.5 : 0);
      const points = ranked
        .filter(({ row }) => one.values[row] !== null)
        .map(({ id, row, value, rung }) => [onAxis(one, one.values[row]) + jitter(id), clipped(value, bounds), id, rung, value]);
      return {
        grid: { left: 52, right: 18, top: 32, bottom: 28 },
        xAxis: xAxis("", parameterAxis(one)),
        yAxis: metricAxis(bounds, { name: index ? "" : `${shortened(model.metric, 22)} (${better})` }),
        tooltip: { ...tooltip("item"), formatter: ({ data }) => trialTip(data[2], `${model.metric} ${number(data[4])}`) },
        series: [
          ...(levels.length ? levels : [0]).map((rung) => dots(points.filter((point) => point[3] === rung && point[2] !== model.best), rungColour(rung), 7)),
          { type: "scatter", data: points.filter((point) => point[2] === model.best), symbol: "diamond", symbolSize: 14, itemStyle: { color: colour("best"), borderColor: colour("ground"), borderWidth: 1 }, z: 5 },
        ],
      };
    },
    after() {
      if (index === 0) legend("slices-legend", levels.length > 1 ? levels.map((rung) => ["runs", `trained up to ${levelName(rung)}`, rung]) : []);
    },
  });
});

function slicesTable() {
  const order = [...ranked].sort((a, b) => model.sign * (a.value - b.value) || a.id - b.id);
  const top = order.slice(0, Math.max(1, Math.ceil(order.length / 10)));
  const range = (one) => {
    const values = top.map(({ row }) => one.values[row]).filter((value) => value !== null);
    if (!values.length) return "–";
    if (!one.labels.length) return `${number(Math.min(...values))} to ${number(Math.max(...values))}`;
    return [...new Set(values)].map((value) => shortened(one.labels[value], 30)).slice(0, 5).join(", ");
  };
  return {
    head: heads("=hyperparameter", "=of the best trial", "=of the best tenth", "=searched"),
    rows: hyperparameters.map((one) => [one.name, order.length ? shown(one, order[0].row) || "–" : "–", range(one), one.labels.length ? one.labels.slice(0, 8).map((text) => shortened(text, 30)).join(", ") : `${number(one.low)} to ${number(one.high)}${one.log ? " (log)" : ""}`]),
  };
}

if (byId("slices-table")) charts.set("slices", { place: null, table: slicesTable, drawn: null });

// ---------------------------------------------------------------- parallel coordinates

const MOST_AXES = 12;

chart("lines", {
  option(place) {
    const bounds = model.axis;
    const narrow = isNarrow(place);
    const names = hyperparameters.slice(0, MOST_AXES);
    const line = (id) => {
      const row = rowOf.get(id);
      return [...names.map((one) => onAxis(one, one.values[row]) ?? "-"), clipped(model.trials.value[row], bounds)];
    };
    const size = narrow ? 40 : 18;
    const above = narrow ? { align: "left", verticalAlign: "bottom", padding: [0, 0, 8, 0] } : {};
    const own = (name, dim, more) => ({ dim, name: shortened(name, size), type: "value", nameLocation: narrow ? "start" : "end", nameGap: narrow ? 0 : 15, nameTextStyle: { color: colour("text"), ...above }, axisLine: { lineStyle: { color: colour("quiet") } }, ...more });
    const { best, sample } = model.lines;
    const strong = best.map((id, place) => ({ value: line(id), id, lineStyle: { color: place === 0 ? colour("best") : stepColour(best.length - place, best.length), width: place === 0 ? 3 : 1.2, opacity: place === 0 ? 1 : 0.65 } })).reverse();
    const series = (data, more) => ({ type: "parallel", data, progressive: 0, smooth: false, ...more });
    return {
      parallel: narrow
        ? { layout: "vertical", left: 16, right: 24, top: 40, bottom: 24, axisExpandable: false }
        : { left: 56, right: 84, top: 48, bottom: 28 },
      parallelAxis: [
        ...names.map((one, dim) => own(one.name, dim, parameterAxis(one, { splitLine: { show: false } }))),
        own(model.metric, names.length, { ...scaled("", bounds), name: shortened(model.metric, size), nameTextStyle: { color: colour("text"), fontWeight: "bold", ...above } }),
      ].map((one) => ({ ...one, z: 10, axisLabel: { ...one.axisLabel, backgroundColor: colour("ground"), padding: [0, 2] }, areaSelectStyle: { width: 18, borderWidth: 1, borderColor: colour("accent"), color: colour("accent"), opacity: 0.25 } })),
      tooltip: { ...tooltip("item"), formatter: ({ data }) => trialTip(data.id, `${model.metric} ${number(model.trials.value[rowOf.get(data.id)])}`) },
      series: [
        series(sample.map((id) => ({ value: line(id), id })), { lineStyle: { color: colour("grey"), width: 0.8, opacity: 0.35 }, inactiveOpacity: 0.03, z: 2 }),
        series(strong, { inactiveOpacity: 0.05, activeOpacity: 0.9, z: 3 }),
      ],
    };
  },
  after(drawn) {
    drawn.on("axisareaselected", () => {
      const { series } = drawn.getOption();
      const many = model.lines.best.length;
      const parts = drawn.getModel().getSeriesByType("parallel").map((one) => one.getRawIndicesByActiveState("active").map((at) => series[one.seriesIndex].data[at].id));
      const chosen = parts.flat();
      const said = chosen.length ? `${chosen.length} chosen: trial${chosen.length > 1 ? "s" : ""} ${chosen.slice(0, 20).join(", ")}${chosen.length > 20 ? " …" : ""}` : `None of the ${many} best is chosen.`;
      byId("lines-chosen").textContent = said;
    });
  },
  table() {
    const names = hyperparameters.slice(0, MOST_AXES);
    return {
      head: heads("trial", model.metric, ...names.map((one) => (one.labels.length ? `=${one.name}` : one.name))),
      rows: model.lines.best.map((id) => {
        const row = rowOf.get(id);
        return [id, model.trials.value[row], ...names.map((one) => shown(one, row) || "–")];
      }),
    };
  },
});

// ---------------------------------------------------------------- importance

chart("shares", {
  option(place) {
    const shares = [...model.importance].reverse();
    return {
      grid: { left: 8, right: 56, top: 8, bottom: 40, containLabel: true },
      xAxis: xAxis("share of the importance (%)", { min: 0, max: 100 }),
      yAxis: { type: "category", data: shares.map(([name]) => shortened(name, isNarrow(place) ? 16 : 40)), axisLine: { lineStyle: { color: colour("quiet") } }, axisTick: { show: false }, axisLabel: { color: colour("text") } },
      tooltip: { ...tooltip("item"), formatter: ({ dataIndex }) => tip(shares[dataIndex][0], `${number(100 * shares[dataIndex][1])} %`) },
      series: [{ type: "bar", data: shares.map(([, share]) => 100 * share), barMaxWidth: 22, itemStyle: { color: colour("accent") }, label: { show: true, position: "right", color: colour("text"), formatter: ({ value }) => `${value.toFixed(0)} %` } }],
    };
  },
  table: () => ({ head: heads("=hyperparameter", "share (%)"), rows: model.importance.map(([name, share]) => [name, Number((100 * share).toFixed(1))]) }),
});
