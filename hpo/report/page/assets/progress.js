"use strict";
// The best so far, the learning curves, and the rungs.

const chosenAxis = { incumbent: "time", learning: "resource" };

function measuredTip(found, at) {
  return trialTip(found.trial[at], `${model.metric} ${number(found.value[at])} at ${model.resource} ${found.resource[at]}`, `after ${duration(found.time[at])}`);
}

chart("incumbent", {
  option(place) {
    const { measured, incumbents, axis: bounds } = model;
    const overTime = chosenAxis.incumbent === "time";
    const x = (found, at) => (overTime ? inUnit(found.time[at]) : found.hours[at]);
    const points = (found) => found.value.map((value, at) => [x(found, at), clipped(value, bounds), at]);
    const steps = points(incumbents);
    const end = overTime ? inUnit(model.span) : measured.hours[measured.hours.length - 1];
    if (steps.length) steps.push([Math.max(end, steps[steps.length - 1][0]), steps[steps.length - 1][1], incumbents.value.length - 1]);
    return {
      grid: { left: 56, right: 24, top: 36, bottom: 48 },
      xAxis: overTime ? timeAxis() : xAxis(`${model.hours_of}-hours used`, { min: 0 }),
      yAxis: metricAxis(bounds),
      tooltip: { ...tooltip("item"), formatter: ({ seriesIndex, data }) => measuredTip(seriesIndex ? incumbents : measured, data[2]) },
      series: [
        dots(points(measured), colour("grey"), isNarrow(place) ? 4 : 6),
        { type: "line", step: "end", data: steps, lineStyle: { color: colour("best"), width: 2.5 }, itemStyle: { color: colour("best") }, symbol: "circle", symbolSize: 7, z: 5 },
      ],
      aria: { enabled: false },
    };
  },
  table() {
    const { incumbents } = model;
    return {
      head: heads("trial", model.metric, model.resource, "=after", `${model.hours_of}-hours`),
      rows: incumbents.trial.map((trial, at) => [trial, incumbents.value[at], incumbents.resource[at], duration(incumbents.time[at]), incumbents.hours[at]]),
    };
  },
});

chart("learning", {
  option() {
    const bounds = model.axis_of_curves || model.axis || { log: false, low: 0, high: 1 };
    const overTime = chosenAxis.learning === "time";
    const most = Math.max(1, ...model.curves.map((curve) => curve.resource[curve.resource.length - 1]));
    // The best is drawn last, over the others.
    const curves = [...model.curves].sort((a, b) => (a.trial === model.best) - (b.trial === model.best));
    return {
      grid: { left: 56, right: 24, top: 36, bottom: 48 },
      xAxis: overTime ? timeAxis() : xAxis(model.resource, { min: 0, max: most, minInterval: 1 }),
      yAxis: metricAxis(bounds),
      tooltip: tooltip("item"),
      series: curves.map((curve) => {
        const isBest = curve.trial === model.best;
        const strong = isBest ? colour("best") : curve.running ? colour("accent") : colour("grey");
        return {
          type: "line",
          data: curve.value.map((value, at) => [overTime ? inUnit(curve.time[at]) : curve.resource[at], clipped(value, bounds), at]),
          lineStyle: { color: strong, width: isBest ? 3 : 1.2, opacity: isBest ? 1 : curves.length > 100 ? 0.45 : 0.7 },
          itemStyle: { color: strong, opacity: isBest ? 1 : 0.7 },
          symbol: "circle",
          symbolSize: isBest ? 6 : curve.value.length === 1 ? 5 : 3,
          showSymbol: curves.length < 60 || curve.value.length === 1 || isBest,
          z: isBest ? 5 : curve.running ? 4 : 2,
          triggerLineEvent: true,
          tooltip: { formatter: ({ data }) => (data ? trialTip(curve.trial, `${model.metric} ${number(curve.value[data[2]])} at ${model.resource} ${curve.resource[data[2]]}`) : trialTip(curve.trial)) },
        };
      }),
    };
  },
  table() {
    const best = (curve) => curve.value.reduce((a, b) => (model.sign * b < model.sign * a ? b : a));
    return {
      head: heads("trial", "reports", `last ${model.resource}`, `first ${model.metric}`, "best", "last"),
      rows: model.curves.map((curve) => [curve.trial, curve.value.length, curve.resource[curve.resource.length - 1], curve.value[0], best(curve), curve.value[curve.value.length - 1]]),
    };
  },
});

// The last value of each trial at each rung: Map of trial to [[rung, value], …], lowest first.
function valuesAtRungs() {
  const found = new Map();
  const { trial, rung, value } = model.measured;
  trial.forEach((id, at) => {
    const steps = found.get(id) || [];
    // One that began anew has left the higher rungs, too.
    while (steps.length && steps[steps.length - 1][0] >= rung[at]) steps.pop();
    steps.push([rung[at], value[at]]);
    found.set(id, steps);
  });
  return found;
}

chart("promotions", {
  option() {
    const bounds = model.axis;
    const values = valuesAtRungs();
    // Beside each other in order of their number, so that dots do not hide each other.
    const place = (rung, id) => levels.indexOf(rung) + ((((id * 0.618) % 1) - 0.5) * 0.36);
    const reached = levels.map(() => []);
    const lines = [];
    const best = [];
    for (const [id, steps] of values) {
      for (const [rung, value] of steps) reached[levels.indexOf(rung)].push([place(rung, id), clipped(value, bounds), id, rung, value]);
      if (steps.length < 2) continue;
      const into = id === model.best ? best : lines;
      for (const [rung, value] of steps) into.push([place(rung, id), clipped(value, bounds)]);
      into.push([null, null]);
    }
    const line = (data, name, width, opacity, z) => ({ type: "line", data, symbol: "none", silent: true, connectNulls: false, lineStyle: { color: colour(name), width, opacity }, z });
    return {
      grid: { left: 56, right: 24, top: 36, bottom: 48 },
      xAxis: xAxis(`rung (${model.resource})`, { min: -0.4, max: levels.length - 0.6, interval: 1, axisTick: { show: false }, axisLabel: { ...label((at) => (Number.isInteger(at) && levels[at] !== undefined ? levelName(levels[at]).replace(`${model.resource} `, "") : "")), customValues: levels.map((_, at) => at) } }),
      yAxis: metricAxis(bounds),
      tooltip: { ...tooltip("item"), formatter: ({ data }) => trialTip(data[2], `${model.metric} ${number(data[4])} at ${levelName(data[3])}`) },
      series: [
        line(lines, "accent", 1, lines.length > 3000 ? 0.12 : 0.35, 2),
        ...levels.map((rung, at) => dots(reached[at], rungColour(rung), 7)),
        { ...line(best, "best", 2.5, 1, 4), symbol: "circle", symbolSize: 7, itemStyle: { color: colour("best") } },
      ],
    };
  },
});
