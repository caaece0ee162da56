"use strict";
// Draws the curves from the JSON in the page. No library: the page opens from disk, without a network.
(function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("curves-data");
  const refresh = read("refresh-data");
  if (refresh > 0) setTimeout(() => location.reload(), 1000 * refresh);
  const root = document.getElementById("curves");
  if (!root || !data.settings.length) return;
  const NS = "http://www.w3.org/2000/svg";
  const ALL = "all", LARGEST_GRID = 12;
  const pick = (name) => root.querySelector(`[data-control="${name}"]`);
  const panels = root.querySelector(".panels");
  const legend = root.querySelector(".legend");
  const methods = Object.keys(data.styles);
  const hidden = new Set();
  const zooms = new Map(); // by setting: [x0, x1, y0, y1] in the units of the axes

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
      "<": [[-1.15, 0], [.85, 1.1], [.85, -1.1]],
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

  function format(value, info, signed) {
    const v = info.scale * value;
    const text = info.unit === "percent" ? v.toFixed(signed ? 2 : 1) : Math.abs(v).toPrecision(3);
    if (info.unit === "percent") return signed && v >= 0 ? "+" + text : text;
    return (v < 0 ? "-" : signed ? "+" : "") + text;
  }

  function tick(value) { return value.toLocaleString("en-US", { maximumSignificantDigits: 6 }); }

  function fill(select, options, keep) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    if (options.some(([value]) => value === keep)) select.value = keep;
    select.parentElement.hidden = options.length < 2;
  }

  // What is chosen survives a reload, so that a page that refreshes itself stays as it was left.
  const memory = {
    get() { try { return JSON.parse(sessionStorage.getItem(location.pathname)) || {}; } catch { return {}; } },
    set(value) { try { sessionStorage.setItem(location.pathname, JSON.stringify(value)); } catch { /* not allowed here */ } },
  };

  function shownSettings() {
    const chosen = pick("setting").value;
    return chosen === ALL ? data.settings : [data.settings[+chosen || 0]];
  }

  function choose(kept) {
    const settings = shownSettings();
    const metrics = Object.keys(data.metrics).filter((m) => settings.some((s) => s.curves[m]));
    fill(pick("metric"), metrics.map((m) => [m, data.metrics[m].title]), kept.metric ?? pick("metric").value);
    const paired = settings.some((s) => Object.keys(s.differences).length);
    fill(pick("mode"), paired ? [["curves", "the measure itself"], ["differences", "difference to random"]] : [["curves", ""]],
      kept.mode ?? pick("mode").value);
    fill(pick("axis"), settings.some((s) => s.mixed)
      ? [["acquired", "labels paid for"], ["labeled", "labels gained"]] : [["acquired", "labels"]], kept.axis ?? pick("axis").value);
    draw();
  }

  function drawLegend() {
    const add = (text, action) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => { action(); draw(); });
      legend.appendChild(button);
      return button;
    };
    for (const method of methods) {
      const style = data.styles[method];
      const button = add(method, () => { hidden.has(method) ? hidden.delete(method) : hidden.add(method); });
      button.dataset.method = method;
      button.addEventListener("dblclick", () => {
        methods.forEach((m) => hidden.add(m));
        hidden.delete(method);
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
    if (methods.length > 2) {
      add("all", () => hidden.clear()).dataset.all = "1";
      add("none", () => methods.forEach((m) => hidden.add(m)));
    }
  }

  function draw() {
    const settings = shownSettings();
    for (const button of legend.querySelectorAll("[data-method]")) {
      const method = button.dataset.method;
      button.hidden = !settings.some((s) => s.methods.includes(method));
      button.setAttribute("aria-pressed", String(!hidden.has(method)));
    }
    panels.replaceChildren(...settings.map((setting) => {
      const panel = document.createElement("div");
      panel.className = "panel";
      if (data.settings.length > 1) panel.appendChild(document.createElement("h3")).textContent = setting.name;
      const chart = panel.appendChild(document.createElement("div"));
      chart.className = "chart";
      return panel;
    }));
    settings.forEach((setting, i) => drawChart(setting, panels.children[i].querySelector(".chart")));
    pick("reset").hidden = !settings.some((s) => zooms.has(s.name));
    memory.set({ setting: pick("setting").value, metric: pick("metric").value, mode: pick("mode").value,
      axis: pick("axis").value, band: pick("band").checked, hidden: [...hidden] });
  }

  function drawChart(setting, chart) {
    const metric = pick("metric").value, info = data.metrics[metric], band = pick("band").checked;
    const paired = pick("mode").value === "differences";
    const column = pick("axis").value === "labeled" ? 1 : 0;
    const curves = (paired ? setting.differences : setting.curves)[metric] || {};
    const shown = setting.methods.filter((m) => !hidden.has(m) && curves[m]);
    const title = paired ? `${info.title}, difference to random` : info.title;
    const width = Math.max(280, chart.clientWidth - 16);
    const height = Math.round(Math.min(460, Math.max(280, width * .52)));
    const pad = { left: 56, right: 24, top: 30, bottom: 44 };
    const tip = chart.appendChild(document.createElement("div"));
    tip.className = "tip";
    tip.hidden = true;
    const svg = el(chart, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `${title} against labels, ${setting.name}, ${shown.length} methods` });
    const rows = shown.flatMap((m) => curves[m]);
    if (!rows.length) {
      el(svg, "text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, paired ? "nothing to compare" : "nothing selected");
      return;
    }
    const xs = rows.map((r) => r[column]);
    const ys = rows.map((r) => r[2]).concat(paired ? [0] : []);
    let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), info.scale * Math.min(...ys), info.scale * Math.max(...ys)];
    const bands = rows.flatMap((r) => (band && r[3] !== null ? [r[3], r[4]] : [])).map((v) => info.scale * v);
    if (bands.length) { // wide intervals, as those of two seeds, are cut where they would flatten the lines
      const most = y1 > y0 ? y1 - y0 : Infinity;
      [y0, y1] = [Math.min(y0, Math.max(Math.min(...bands), y0 - most)), Math.max(y1, Math.min(Math.max(...bands), y1 + most))];
    }
    if (x1 === x0) { x0 -= 1; x1 += 1; }
    const margin = (y1 - y0) * .06 || Math.abs(y1) * .05 || 1;
    y0 -= margin; y1 += margin;
    const key = setting.name;
    if (zooms.has(key)) [x0, x1, y0, y1] = zooms.get(key);
    const X = (v) => pad.left + (width - pad.left - pad.right) * (v - x0) / (x1 - x0);
    const Y = (v) => height - pad.bottom - (height - pad.top - pad.bottom) * (v - y0) / (y1 - y0);
    for (const t of ticks(y0, y1, height / 70)) {
      el(svg, "line", { x1: pad.left, x2: width - pad.right, y1: Y(t), y2: Y(t), stroke: paired && Math.abs(t) < 1e-9 ? "#57606a" : "#e4e8ec" });
      el(svg, "text", { x: pad.left - 8, y: Y(t) + 4, "text-anchor": "end" }, tick(t));
    }
    for (const t of ticks(x0, x1, width / 110)) {
      el(svg, "line", { x1: X(t), x2: X(t), y1: height - pad.bottom, y2: height - pad.bottom + 5, stroke: "#57606a" });
      el(svg, "text", { x: X(t), y: height - pad.bottom + 20, "text-anchor": "middle" }, tick(t));
    }
    el(svg, "line", { x1: pad.left, x2: width - pad.right, y1: height - pad.bottom, y2: height - pad.bottom, stroke: "#57606a" });
    el(svg, "text", { x: 4, y: 15, "font-weight": 600 }, title);
    const label = setting.mixed ? ["labels paid for", "labels gained"][column] : "labels";
    el(svg, "text", { x: (pad.left + width - pad.right) / 2, y: height - 6, "text-anchor": "middle" }, label);
    const clip = "clip-" + data.settings.indexOf(setting);
    el(el(svg, "clipPath", { id: clip }), "rect", { x: pad.left, y: pad.top - 6, width: width - pad.left - pad.right + 6,
      height: height - pad.top - pad.bottom + 6 });
    const area = el(svg, "g", { "clip-path": `url(#${clip})` });
    for (const m of shown) {
      const curve = curves[m], style = data.styles[m];
      const group = el(area, "g", { class: "curve", "data-method": m });
      const sure = curve.filter((r) => r[3] !== null);
      if (band && sure.length) {
        const path = sure.map((r) => `${X(r[column])},${Y(info.scale * r[4])}`)
          .concat(sure.slice().reverse().map((r) => `${X(r[column])},${Y(info.scale * r[3])}`));
        el(group, "polygon", { points: path.join(" "), fill: style.color, opacity: shown.length > 6 ? .07 : .14 });
      }
      el(group, "polyline", { points: curve.map((r) => `${X(r[column])},${Y(info.scale * r[2])}`).join(" "), fill: "none",
        stroke: style.color, "stroke-width": 2, "stroke-dasharray": style.dash, "stroke-linejoin": "round" });
      const size = curve.length > 25 ? 2.6 : 4;
      for (const r of curve) marker(group, style.marker, X(r[column]), Y(info.scale * r[2]), size, style.color);
    }
    const guide = el(svg, "line", { class: "guide", y1: pad.top, y2: height - pad.bottom, stroke: "#57606a", "stroke-dasharray": "3 3", visibility: "hidden" });
    const box = el(svg, "rect", { fill: "#0072b2", opacity: .12, visibility: "hidden" });

    // All methods at the round under the pointer, best first.
    function hover(px) {
      const at = rows.reduce((a, b) => (Math.abs(X(a[column]) - px) <= Math.abs(X(b[column]) - px) ? a : b));
      const near = shown.map((m) => [m, curves[m].reduce((a, b) => (
        Math.abs(a[column] - at[column]) <= Math.abs(b[column] - at[column]) ? a : b))]);
      const here = near.filter(([, r]) => Math.abs(X(r[column]) - X(at[column])) <= 12).sort((a, b) => b[1][2] - a[1][2]);
      const head = document.createElement("b");
      head.textContent = `${tick(Math.round(at[column]))} ${label}`;
      const table = document.createElement("table");
      for (const [m, r] of here) {
        const row = table.insertRow();
        const name = row.insertCell();
        const dot = name.appendChild(document.createElement("i"));
        dot.style.background = data.styles[m].color;
        name.append(m);
        row.insertCell().textContent = format(r[2], info, paired);
        row.insertCell().textContent = r[3] === null ? "" : `${format(r[3], info, paired)} to ${format(r[4], info, paired)}`;
        row.insertCell().textContent = `n=${r[5]}`;
      }
      tip.replaceChildren(head, table);
      tip.hidden = false;
      guide.setAttribute("x1", X(at[column]));
      guide.setAttribute("x2", X(at[column]));
      guide.setAttribute("visibility", "visible");
      const ratio = svg.getBoundingClientRect().width / width;
      const right = X(at[column]) * ratio + 22, left = X(at[column]) * ratio - tip.offsetWidth - 8;
      tip.style.left = Math.max(4, right + tip.offsetWidth < chart.clientWidth ? right : left) + "px";
      tip.style.top = "34px";
    }

    function leave() { tip.hidden = true; guide.setAttribute("visibility", "hidden"); }

    const position = (event) => {
      const frame = svg.getBoundingClientRect(), ratio = width / frame.width;
      return [(event.clientX - frame.left) * ratio, (event.clientY - frame.top) * ratio];
    };
    let start = null;
    svg.addEventListener("pointerdown", (event) => {
      hover(position(event)[0]);
      if (event.pointerType !== "mouse") return; // a finger scrolls the page
      start = position(event);
      svg.setPointerCapture?.(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const [x, y] = position(event);
      if (!start) { hover(x); return; }
      leave();
      for (const [name, value] of Object.entries({ x: Math.min(x, start[0]), y: Math.min(y, start[1]),
        width: Math.abs(x - start[0]), height: Math.abs(y - start[1]), visibility: "visible" })) box.setAttribute(name, value);
    });
    svg.addEventListener("pointerup", (event) => {
      if (!start) return;
      const [a, b] = [start, position(event)];
      start = null;
      box.setAttribute("visibility", "hidden");
      if (Math.abs(a[0] - b[0]) < 12 || Math.abs(a[1] - b[1]) < 12) return;
      const unX = (v) => x0 + (v - pad.left) / (width - pad.left - pad.right) * (x1 - x0);
      const unY = (v) => y0 + (height - pad.bottom - v) / (height - pad.top - pad.bottom) * (y1 - y0);
      const [left, right] = [unX(a[0]), unX(b[0])].sort((p, q) => p - q);
      const [low, high] = [unY(a[1]), unY(b[1])].sort((p, q) => p - q);
      zooms.set(key, [left, right, low, high]);
      draw();
    });
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("dblclick", () => { zooms.delete(key); draw(); });
  }

  const kept = memory.get();
  const several = data.settings.length > 1;
  const grid = several && data.settings.length <= LARGEST_GRID;
  fill(pick("setting"), [...(grid ? [[ALL, "all settings"]] : []), ...data.settings.map((s, i) => [String(i), s.name])], kept.setting);
  if (kept.band !== undefined) pick("band").checked = kept.band;
  (kept.hidden || []).filter((m) => methods.includes(m)).forEach((m) => hidden.add(m));
  pick("setting").addEventListener("change", () => choose({}));
  for (const name of ["metric", "mode", "axis"]) pick(name).addEventListener("change", () => { zooms.clear(); draw(); });
  pick("band").addEventListener("change", draw);
  pick("reset").addEventListener("click", () => { zooms.clear(); draw(); });
  let lastWidth = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== lastWidth) { lastWidth = innerWidth; draw(); } });
  drawLegend();
  choose(kept);
})();
