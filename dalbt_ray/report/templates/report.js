"use strict";
// Draws the curves from the JSON in the page. No library: the page opens from disk, without a network.
(function () {
  const data = JSON.parse(document.getElementById("curves-data").textContent);
  const root = document.getElementById("curves");
  if (!root || !data.settings.length) return;
  const NS = "http://www.w3.org/2000/svg";
  const pick = (name) => root.querySelector(`[data-control="${name}"]`);
  const chart = root.querySelector(".chart");
  const legend = root.querySelector(".legend");
  const tip = root.querySelector(".tip");
  const hidden = new Set();
  let points = [];

  function el(parent, name, attributes, text) {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  }

  // The same shapes as the static figures: matplotlib's names.
  function marker(parent, kind, x, y, r, color) {
    const at = (list) => list.map(([a, b]) => `${x + a * r},${y + b * r}`).join(" ");
    const shapes = {
      s: [[-.9, -.9], [.9, -.9], [.9, .9], [-.9, .9]],
      "^": [[0, -1.15], [1.1, .85], [-1.1, .85]],
      v: [[0, 1.15], [1.1, -.85], [-1.1, -.85]],
      D: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
      "*": Array.from({ length: 10 }, (_, i) => {
        const a = Math.PI * (i / 5 - .5), s = i % 2 ? .55 : 1.35;
        return [s * Math.cos(a), s * Math.sin(a)];
      }),
      P: [[-.4, -1.1], [.4, -1.1], [.4, -.4], [1.1, -.4], [1.1, .4], [.4, .4], [.4, 1.1], [-.4, 1.1], [-.4, .4], [-1.1, .4], [-1.1, -.4], [-.4, -.4]],
    };
    if (shapes[kind]) return el(parent, "polygon", { points: at(shapes[kind]), fill: color });
    if (kind === "x" || kind === "X") {
      const width = kind === "X" ? 3 : 1.8;
      const d = `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`;
      return el(parent, "path", { d, stroke: color, "stroke-width": width, fill: "none" });
    }
    return el(parent, "circle", { cx: x, cy: y, r, fill: color });
  }

  function ticks(low, high, count) {
    const raw = (high - low) / Math.max(1, count);
    const power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const list = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-9; t += step) list.push(t);
    return list;
  }

  function format(value, percent) {
    const v = percent ? 100 * value : value;
    return percent ? v.toFixed(1) + " %" : v.toPrecision(3);
  }

  function tick(value) { return value.toLocaleString("en-US", { maximumSignificantDigits: 6 }); }

  function fill(select, options, keep) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    if (options.some(([value]) => value === keep)) select.value = keep;
    select.parentElement.hidden = false;
    if (options.length < 2) select.parentElement.hidden = true;
  }

  function current() {
    const setting = data.settings[+pick("setting").value || 0];
    const metric = pick("metric").value;
    return { setting, metric, info: data.metrics[metric], axis: pick("axis").value, band: pick("band").checked };
  }

  function chooseSetting() {
    const setting = data.settings[+pick("setting").value || 0];
    fill(pick("metric"), Object.keys(setting.curves).map((m) => [m, data.metrics[m].title]), pick("metric").value);
    fill(pick("axis"), setting.mixed
      ? [["acquired", "labels paid for"], ["labeled", "labels gained"]] : [["acquired", "labels"]], pick("axis").value);
    drawLegend(setting);
    draw();
  }

  function drawLegend(setting) {
    legend.replaceChildren();
    const add = (text, action) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => { action(); press(); draw(); });
      legend.appendChild(button);
      return button;
    };
    for (const method of setting.methods) {
      const style = data.styles[method];
      const button = add(method, () => { hidden.has(method) ? hidden.delete(method) : hidden.add(method); });
      button.dataset.method = method;
      button.title = "Show or hide; double click shows only this one";
      button.addEventListener("dblclick", () => {
        setting.methods.forEach((m) => hidden.add(m));
        hidden.delete(method);
        press();
        draw();
      });
      const icon = document.createElementNS(NS, "svg");
      icon.setAttribute("width", 34);
      icon.setAttribute("height", 14);
      icon.setAttribute("aria-hidden", "true");
      el(icon, "line", { x1: 0, x2: 34, y1: 7, y2: 7, stroke: style.color, "stroke-width": 2.2, "stroke-dasharray": style.dash });
      marker(icon, style.marker, 17, 7, 4.5, style.color);
      button.prepend(icon);
    }
    if (setting.methods.length > 2) {
      add("all", () => hidden.clear()).dataset.all = "1";
      add("none", () => setting.methods.forEach((m) => hidden.add(m)));
    }
    press();
  }

  function press() {
    for (const button of legend.querySelectorAll("[data-method]")) {
      button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.method)));
    }
  }

  function draw() {
    const { setting, metric, info, axis, band } = current();
    const width = Math.max(300, chart.clientWidth - 16);
    const height = Math.round(Math.min(460, Math.max(280, width * .52)));
    const pad = { left: 52, right: 24, top: 30, bottom: 44 };
    const column = axis === "labeled" ? 1 : 0;
    const shown = setting.methods.filter((m) => !hidden.has(m) && setting.curves[metric][m]);
    const scale = (info.unit === "percent") ? 100 : 1;
    const rows = shown.flatMap((m) => setting.curves[metric][m]);
    chart.querySelector("svg")?.remove();
    const svg = el(chart, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `${info.title} against labels, ${setting.name}, ${shown.length} methods` });
    points = [];
    tip.hidden = true;
    if (!rows.length) { el(svg, "text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing selected"); return; }
    const xs = rows.map((r) => r[column]);
    const ys = rows.flatMap((r) => (band && r[3] !== null ? [r[3], r[4]] : [r[2]]));
    let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), scale * Math.min(...ys), scale * Math.max(...ys)];
    if (x1 === x0) { x0 -= 1; x1 += 1; }
    const margin = (y1 - y0) * .06 || Math.abs(y1) * .05 || 1;
    y0 -= margin; y1 += margin;
    const X = (v) => pad.left + (width - pad.left - pad.right) * (v - x0) / (x1 - x0);
    const Y = (v) => height - pad.bottom - (height - pad.top - pad.bottom) * (v - y0) / (y1 - y0);
    for (const t of ticks(y0, y1, height / 70)) {
      el(svg, "line", { x1: pad.left, x2: width - pad.right, y1: Y(t), y2: Y(t), stroke: "#e4e8ec" });
      el(svg, "text", { x: pad.left - 8, y: Y(t) + 4, "text-anchor": "end" }, tick(t));
    }
    for (const t of ticks(x0, x1, width / 110)) {
      el(svg, "line", { x1: X(t), x2: X(t), y1: height - pad.bottom, y2: height - pad.bottom + 5, stroke: "#57606a" });
      el(svg, "text", { x: X(t), y: height - pad.bottom + 20, "text-anchor": "middle" }, tick(t));
    }
    el(svg, "line", { x1: pad.left, x2: width - pad.right, y1: height - pad.bottom, y2: height - pad.bottom, stroke: "#57606a" });
    el(svg, "text", { x: 4, y: 15, "font-weight": 600 }, info.title);
    const label = setting.mixed ? { acquired: "labels paid for", labeled: "labels gained" }[axis] : "labels";
    el(svg, "text", { x: (pad.left + width - pad.right) / 2, y: height - 6, "text-anchor": "middle" }, label);
    for (const m of shown) {
      const curve = setting.curves[metric][m];
      const style = data.styles[m];
      const group = el(svg, "g", { class: "curve", "data-method": m });
      const sure = curve.filter((r) => r[3] !== null);
      if (band && sure.length) {
        const path = sure.map((r) => `${X(r[column])},${Y(scale * r[4])}`)
          .concat(sure.slice().reverse().map((r) => `${X(r[column])},${Y(scale * r[3])}`));
        el(group, "polygon", { points: path.join(" "), fill: style.color, opacity: .14 });
      }
      el(group, "polyline", { points: curve.map((r) => `${X(r[column])},${Y(scale * r[2])}`).join(" "), fill: "none",
        stroke: style.color, "stroke-width": 2, "stroke-dasharray": style.dash, "stroke-linejoin": "round" });
      const size = curve.length > 25 ? 2.6 : 4;
      for (const r of curve) {
        marker(group, style.marker, X(r[column]), Y(scale * r[2]), size, style.color);
        points.push({ x: X(r[column]), y: Y(scale * r[2]), method: m, row: r, info });
      }
    }
  }

  function hover(event) {
    const box = chart.querySelector("svg")?.getBoundingClientRect();
    if (!box || !points.length) return;
    const ratio = chart.querySelector("svg").viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    const near = points.reduce((a, b) => (Math.hypot(a.x - x, a.y - y) <= Math.hypot(b.x - x, b.y - y) ? a : b));
    if (Math.hypot(near.x - x, near.y - y) > 60) { tip.hidden = true; return; }
    const [acquired, labeled, mean, low, high, seeds] = near.row;
    const lines = [near.method, `${near.info.title}: ${format(mean, near.info.unit === "percent")}`];
    if (low !== null) lines.push(`95 % interval: ${format(low, near.info.unit === "percent")} to ${format(high, near.info.unit === "percent")}`);
    lines.push(`${tick(Math.round(labeled))} labels` + (acquired === labeled ? "" : ` of ${tick(Math.round(acquired))} paid for`), `${seeds} seed${seeds === 1 ? "" : "s"}`);
    tip.replaceChildren(...lines.map((text, i) => {
      const line = document.createElement(i ? "div" : "b");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    const left = near.x / ratio + 18;
    tip.style.left = Math.max(4, Math.min(left, chart.clientWidth - tip.offsetWidth - 6)) + "px";
    tip.style.top = Math.max(4, near.y / ratio - tip.offsetHeight - 8) + "px";
  }

  pick("setting").replaceChildren(...data.settings.map((s, i) => new Option(s.name, i)));
  pick("setting").parentElement.hidden = data.settings.length < 2;
  pick("setting").addEventListener("change", chooseSetting);
  for (const name of ["metric", "axis", "band"]) pick(name).addEventListener("change", draw);
  chart.addEventListener("pointermove", hover);
  chart.addEventListener("pointerdown", hover);
  chart.addEventListener("pointerleave", () => { tip.hidden = true; });
  window.addEventListener("resize", draw);
  chooseSetting();
})();
