"use strict";
// Who ran what, and what the gaps were; told by pattern as well as by colour.

const GAPS = { starting: "starting", waiting: "waiting for a job", preempted: "preempted, or lost to a fault", idle: "no work to do" };

// A pattern that repeats: dots, stripes or crosses.
function pattern(kind) {
  const size = 8;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour("ground");
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = pen.fillStyle = colour(kind);
  pen.lineWidth = 1.6;
  pen.beginPath();
  if (kind === "starting") {
    pen.arc(2, 2, 1.5, 0, 7);
    pen.arc(6, 6, 1.5, 0, 7);
    pen.fill();
  } else {
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
      if (kind === "preempted") {
        pen.moveTo(shift, 0);
        pen.lineTo(shift + size, size);
      }
    }
    pen.stroke();
  }
  return canvas;
}

function fillOf(kind) {
  if (kind === "idle") return colour("ground");
  return { image: pattern(kind), repeat: "repeat" };
}

function swatch(kind, rung) {
  const canvas = element("canvas", undefined, { width: 28, height: 14, "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  pen.fillStyle = kind === "runs" ? rungColour(rung) : kind === "idle" ? colour("ground") : pen.createPattern(pattern(kind), "repeat");
  pen.fillRect(0, 0, 28, 14);
  return canvas;
}

function legend(id, entries) {
  const place = byId(id);
  if (!place) return;
  place.replaceChildren(...entries.map(([kind, text, rung]) => {
    const entry = element("span");
    entry.append(swatch(kind, rung), text);
    return entry;
  }));
}

function runEntries() {
  return levels.length > 1 ? levels.map((rung) => ["runs", `on the way to ${levelName(rung)}`, rung]) : [["runs", "training", 0]];
}

function seatTip([lane, start, end, kind, trial, rung, job, legs]) {
  const { kinds, jobs } = model.seats;
  const span = `${duration(end - start)}, from ${duration(start)} to ${duration(end)} after the begin`;
  if (trial === undefined) return tip(GAPS[kinds[kind]], span);
  const what = kinds[kind] === "runs" ? `on the way to ${levelName(rung)}` : GAPS[kinds[kind]];
  const more = legs > 1 ? `${legs} legs in this block, the longest:` : "";
  return trialTip(trial, more, what, `job ${jobs[job]}`, span);
}

chart("lanes", {
  option(place) {
    const { rows, kinds, shown, running } = model.seats;
    const used = kinds.map((kind) => (kind === "runs" ? null : fillOf(kind)));
    const byRung = new Map(levels.map((rung) => [rung, rungColour(rung)]));
    const textColour = (rung) => (levels.indexOf(rung) >= levels.length / 2 ? colour("ground") : colour("text"));
    const seconds = model.unit.seconds;
    return {
      grid: [
        { left: 56, right: 24, top: 30, height: 72 },
        { left: 56, right: 24, top: 132, bottom: 76 },
      ],
      xAxis: [timeAxis({ gridIndex: 0, name: "", axisLabel: { show: false } }), timeAxis({ gridIndex: 1 })],
      yAxis: [
        axis("jobs that run", { gridIndex: 0, min: 0, minInterval: 1, splitNumber: 2 }),
        axis(`each job that ran at once (${shown} of ${model.seats.lanes})`, { gridIndex: 1, min: 0, max: shown, inverse: true, nameLocation: "start", minInterval: 1, axisLabel: { show: false }, axisTick: { show: false }, splitLine: { show: false } }),
      ],
      dataZoom: [
        { type: "slider", xAxisIndex: [0, 1], height: 22, bottom: 8, filterMode: "none", showDataShadow: false, labelFormatter: (v) => `${number(v)} ${model.unit.name}`, textStyle: { color: colour("quiet") }, borderColor: colour("line"), fillerColor: "rgba(120,150,190,.18)", brushSelect: false },
        { type: "inside", xAxisIndex: [0, 1], filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
      ],
      tooltip: { ...tooltip("item"), formatter: ({ seriesIndex, dataIndex }) => (seriesIndex ? seatTip(rows[dataIndex]) : null) },
      series: [
        { type: "line", step: "end", data: running.map(([at, jobs]) => [at / seconds, jobs]), symbol: "none", silent: true, lineStyle: { color: colour("accent"), width: 1.5 }, areaStyle: { color: colour("accent"), opacity: 0.18 } },
        {
          type: "custom",
          xAxisIndex: 1,
          yAxisIndex: 1,
          clip: true,
          progressive: 0,
          data: rows.map(([lane, start, end]) => [start / seconds, end / seconds, lane]),
          encode: { x: [0, 1], y: 2 },
          renderItem(params, api) {
            const row = rows[params.dataIndex];
            const [left, top] = api.coord([api.value(0), row[0]]);
            const [right, bottom] = api.coord([api.value(1), row[0] + 1]);
            const kind = kinds[row[3]];
            const width = Math.max(right - left, 0.4);
            const gap = bottom - top > 6 ? 1 : 0;
            const isRun = kind === "runs";
            const area = params.coordSys;
            const x = Math.max(left, area.x);
            const shape = { x, y: top + gap, width: Math.min(left + width, area.x + area.width) - x, height: bottom - top - 2 * gap };
            if (shape.width <= 0) return null;
            const text = isRun && row[7] === 1 && shape.width > 26 && shape.height > 12 ? String(row[4]) : "";
            return {
              type: "rect",
              shape,
              style: { fill: isRun ? byRung.get(row[5]) || rungColour(row[5]) : used[row[3]], stroke: width > 4 ? colour("ground") : null, lineWidth: width > 4 ? 0.7 : 0 },
              textContent: text ? { style: { text, fill: textColour(row[5]), fontSize: 11 } } : undefined,
              textConfig: { position: "inside" },
            };
          },
        },
      ],
    };
  },
  after() {
    const { seconds } = model.seats;
    const whole = Object.values(seconds).reduce((a, b) => a + b, 0);
    legend("lanes-legend", [...runEntries(), ...Object.entries(GAPS).filter(([kind]) => seconds[kind] > 0.005 * whole)]);
  },
  table() {
    const { seconds } = model.seats;
    const whole = Object.values(seconds).reduce((a, b) => a + b, 0) || 1;
    const names = { runs: "training", ...GAPS };
    return {
      head: heads("=what", "=time of all jobs", "share (%)"),
      rows: Object.entries(seconds).map(([kind, value]) => [names[kind], duration(value), Number(((100 * value) / whole).toFixed(1))]),
    };
  },
});
