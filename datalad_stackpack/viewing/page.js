"use strict";
// The data of the page: see page.py. World coordinates are pixels of the planes' canvas as it is served: pixel i lies
// from i to i + 1. Along z a section takes `depth` of them.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);

const ABSENCE = {
  none: { text: "the archive has no image of it", ground: "#f4d9a6", line: "#a36a00" },
  absent: { text: "its image is not here", ground: "#d9dee5", line: "#5b6877" },
  failed: { text: "its image could not be downloaded", ground: "#f6c9c4", line: "#a32018" },
  damaged: { text: "its image here is damaged", ground: "#e3c9f0", line: "#6b2a86" },
};
const MOST_DECODED = 48;
const PLAY_MS = 80;

const [width, height] = data.size;
const total = data.states.length;
const depthLength = total * data.depth;
const pixelRatio = window.devicePixelRatio || 1;

const view = { x: 0, y: 0, scale: 1, whole: 1 }; // scale: screen pixels per world pixel
const cursor = { x: width / 2, y: height / 2, index: Math.floor(total / 2) };
const panels = {};
const decoded = new Map();
let timer = null;

// --- images -----------------------------------------------------------------------------------

function image(source) {
  let found = decoded.get(source);
  if (found) {
    decoded.delete(source); // the last used is the last to go
  } else {
    found = new Image();
    found.onload = draw;
    found.src = source;
  }
  decoded.set(source, found);
  if (decoded.size > MOST_DECODED) decoded.delete(decoded.keys().next().value);
  return found;
}

const webp = (text) => (text ? "data:image/webp;base64," + text : null);

function put(panel, source, x, y, w, h) {
  if (!source) return;
  const found = image(source);
  if (found.complete && found.naturalWidth) panel.pen.drawImage(found, x, y, w, h);
}

// --- where things are -------------------------------------------------------------------------

const zOf = (index) => (index + 0.5) * data.depth; // of a section's index, the middle of it
const indexAt = (z) => Math.min(total - 1, Math.max(0, Math.floor(z / data.depth)));
const place = (axis, index) => axis.start + axis.step * index;
const unit = (axis) => ({ um: "µm", pixel: "px", section: "" })[axis.unit];

// The world coordinates at the left upper corner of a panel. Along z, the section stays in view.
function origin(name) {
  const shown = panels[name];
  const along = (length, middle) =>
    Math.max(0, Math.min(depthLength - length / view.scale, middle - length / view.scale / 2));
  if (name === "yz") return [along(shown.canvas.width, zOf(cursor.index)), view.y];
  if (name === "xz") return [view.x, along(shown.canvas.height, zOf(cursor.index))];
  return [view.x, view.y];
}

function onScreen(name, x, y) {
  const [left, top] = origin(name);
  return [(x - left) * view.scale, (y - top) * view.scale];
}

function inWorld(name, event) {
  const box = panels[name].canvas.getBoundingClientRect();
  const [left, top] = origin(name);
  const x = (event.clientX - box.left) * pixelRatio;
  const y = (event.clientY - box.top) * pixelRatio;
  return [left + x / view.scale, top + y / view.scale];
}

// --- drawing ----------------------------------------------------------------------------------

function begin(name) {
  const panel = panels[name];
  const [left, top] = origin(name);
  panel.pen.setTransform(1, 0, 0, 1, 0, 0);
  panel.pen.clearRect(0, 0, panel.canvas.width, panel.canvas.height);
  panel.pen.setTransform(view.scale, 0, 0, view.scale, -left * view.scale, -top * view.scale);
  panel.pen.imageSmoothingEnabled = view.scale < 2;
  return panel;
}

function hatch(pen, state, x, y, w, h) {
  const { ground, line } = ABSENCE[state];
  const distance = (7 * pixelRatio) / view.scale;
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.fillStyle = ground;
  pen.fillRect(x, y, w, h);
  pen.strokeStyle = line;
  pen.lineWidth = (1.2 * pixelRatio) / view.scale;
  pen.beginPath();
  if (state === "none") {
    for (let at = -h; at < w; at += distance) { pen.moveTo(x + at, y + h); pen.lineTo(x + at + h, y); }
  } else {
    pen.setLineDash([pen.lineWidth, distance / 2]); // dots, told apart without colour too
    for (let at = distance / 2; at < h; at += distance) { pen.moveTo(x, y + at); pen.lineTo(x + w, y + at); }
    if (h < distance) { pen.moveTo(x, y + h / 2); pen.lineTo(x + w, y + h / 2); }
  }
  pen.stroke();
  pen.restore();
}

function write(panel, text) {
  const pen = panel.pen;
  pen.save();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  let size = 15 * pixelRatio;
  pen.font = `${size}px system-ui, sans-serif`;
  const most = panel.canvas.width - 24 * pixelRatio;
  size *= Math.min(1, most / pen.measureText(text).width);
  pen.font = `${size}px system-ui, sans-serif`;
  const w = pen.measureText(text).width + 16 * pixelRatio;
  const [x, y] = [panel.canvas.width / 2, panel.canvas.height / 2];
  pen.fillStyle = "#fffe";
  pen.fillRect(x - w / 2, y - size, w, 2 * size);
  pen.fillStyle = "#111";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y);
  pen.restore();
}

// One path for all segments of a type that are near, and one for the far: thousands are drawn at once.
function drawSkeleton(panel, across, down, all) {
  const tree = data.skeleton;
  if (!tree || !element("skeleton").checked) return;
  const pen = panel.pen;
  const near = all ? Infinity : Math.max(0, Number(element("near").value) || 0) / data.z.step;
  for (const strong of [false, true]) {
    for (const type of shownTypes()) {
      pen.beginPath();
      for (const node of tree.of[type]) {
        const parent = tree.parent[node];
        if (parent < 0) continue;
        const low = Math.min(tree.z[node], tree.z[parent]) - cursor.index;
        const high = Math.max(tree.z[node], tree.z[parent]) - cursor.index;
        if ((low <= near && high >= -near) !== strong) continue;
        pen.moveTo(across(parent), down(parent));
        pen.lineTo(across(node), down(node));
      }
      pen.globalAlpha = strong ? 0.95 : 0.28;
      pen.strokeStyle = tree.colours[type];
      pen.lineWidth = ((strong ? 1.7 : 1) * pixelRatio) / view.scale;
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  if (tree.soma >= 0 && shownTypes().includes("1")) {
    pen.beginPath();
    const least = (3 * pixelRatio) / view.scale;
    pen.arc(across(tree.soma), down(tree.soma), Math.max(least, tree.radius[tree.soma]), 0, 7);
    pen.strokeStyle = tree.colours[1];
    pen.lineWidth = (2 * pixelRatio) / view.scale;
    pen.stroke();
  }
}

function drawCursor(panel, x, y) {
  const pen = panel.pen;
  const [left, top, right, bottom] = [0, 0, panel.width, panel.height];
  pen.strokeStyle = "#0b62c4a0";
  pen.lineWidth = (1.3 * pixelRatio) / view.scale;
  pen.beginPath();
  if (x !== null) { pen.moveTo(x, top); pen.lineTo(x, bottom); }
  if (y !== null) { pen.moveTo(left, y); pen.lineTo(right, y); }
  pen.stroke();
}

function drawScaleBar(panel) {
  const pen = panel.pen;
  const perPixel = data.x.step / view.scale;
  const wanted = panel.canvas.width * 0.25 * perPixel;
  let length = 10 ** Math.floor(Math.log10(wanted));
  length *= wanted / length >= 5 ? 5 : wanted / length >= 2 ? 2 : 1;
  const label = `${Number(length.toPrecision(3))} ${unit(data.x)}`;
  const long = length / perPixel;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  const [x, y] = [panel.canvas.width - long - 10 * pixelRatio, panel.canvas.height - 12 * pixelRatio];
  pen.fillStyle = "#fffd";
  pen.fillRect(x - 6 * pixelRatio, y - 18 * pixelRatio, long + 12 * pixelRatio, 26 * pixelRatio);
  pen.fillStyle = "#111";
  pen.fillRect(x, y, long, 4 * pixelRatio);
  pen.font = `${12 * pixelRatio}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.fillText(label, x + long / 2, y - 5 * pixelRatio);
  panel.canvas.dataset.bar = label;
}

function shownProjection() {
  return data.projections.find((each) => each.name === element("shown").value);
}

function drawXY() {
  const panel = begin("xy");
  const tree = data.skeleton;
  const projection = shownProjection();
  const state = data.states[cursor.index];
  if (projection) {
    put(panel, webp(projection.image), ...projection.box);
  } else if (state === "here") {
    put(panel, webp(data.planes[cursor.index]), 0, 0, data.small[0] * data.level, data.small[1] * data.level);
    // the original only where it shows more than the small image
    if (data.full && view.scale * data.level > 1.5) put(panel, data.full[cursor.index], ...data.boxes[cursor.index]);
  } else {
    hatch(panel.pen, state, 0, 0, width, height);
  }
  if (tree) drawSkeleton(panel, (i) => tree.x[i], (i) => tree.y[i], Boolean(projection));
  drawCursor(panel, cursor.x, cursor.y);
  if (!projection && state !== "here") write(panel, `Section ${data.first + cursor.index}: ${ABSENCE[state].text}`);
  drawScaleBar(panel);
}

function drawSide(name) {
  const panel = begin(name);
  const tree = data.skeleton;
  const yz = name === "yz";
  const long = yz ? height : width;
  if (yz) put(panel, webp(data.yz), 0, 0, depthLength, data.small[1] * data.level);
  else put(panel, webp(data.xz), 0, 0, data.small[0] * data.level, depthLength);
  data.states.forEach((state, index) => {
    if (state === "here") return;
    const thick = Math.max(data.depth, (2 * pixelRatio) / view.scale); // one of hundreds is seen too
    const at = zOf(index) - thick / 2;
    if (yz) hatch(panel.pen, state, at, 0, thick, long);
    else hatch(panel.pen, state, 0, at, long, thick);
  });
  if (tree && yz) drawSkeleton(panel, (i) => zOf(tree.z[i]), (i) => tree.y[i], true);
  if (tree && !yz) drawSkeleton(panel, (i) => tree.x[i], (i) => zOf(tree.z[i]), true);
  const z = zOf(cursor.index);
  if (yz) drawCursor(panel, z, cursor.y);
  else drawCursor(panel, cursor.x, z);
}

function draw() {
  drawXY();
  if (total) {
    drawSide("yz");
    drawSide("xz");
    for (const step of [1, 2, -1]) if (data.planes[cursor.index + step]) image(webp(data.planes[cursor.index + step]));
  }
  describe();
}

function describe() {
  const projection = shownProjection();
  const section = data.first + cursor.index;
  const state = total ? data.states[cursor.index] : "here";
  const shown = projection ? projection.label : `section ${section}`;
  const why = projection || state === "here" ? "" : `: ${ABSENCE[state].text}`;
  element("caption-xy").textContent = `xy, ${shown}${why}`;
  panels.xy.canvas.setAttribute("aria-label", `xy view, ${shown}${why}`);
  const numbers = [[data.x, cursor.x - 0.5], [data.y, cursor.y - 0.5]].map(([axis, index]) => place(axis, index).toFixed(1));
  const where = [`x ${numbers[0]} ${unit(data.x)}`, `y ${numbers[1]} ${unit(data.y)}`];
  if (total) {
    const z = place(data.z, cursor.index);
    if (data.z.unit === "um") where.push(`z ${z.toFixed(2)} µm`);
    element("section").value = element("number").value = section;
    element("section").setAttribute("aria-valuetext", `section ${section}${why}`);
    where.unshift(`section ${section} of ${data.first} to ${data.first + total - 1}${why}`);
  }
  element("place").textContent = where.join(", ");
  document.documentElement.dataset.section = total ? section : "";
}

// --- moving -----------------------------------------------------------------------------------

function go(index) {
  if (!total) return;
  cursor.index = Math.min(total - 1, Math.max(0, Math.round(index)));
  draw();
}

function keepInside() {
  const keep = (offset, length, shown) => Math.max(0, Math.min(length - shown / view.scale, offset));
  view.x = keep(view.x, width, panels.xy.canvas.width);
  view.y = keep(view.y, height, panels.xy.canvas.height);
}

function zoom(factor, x, y) {
  const scale = Math.min(Math.max(view.scale * factor, view.whole), Math.max(view.whole, 16 * pixelRatio));
  view.x = x - ((x - view.x) * view.scale) / scale;
  view.y = y - ((y - view.y) * view.scale) / scale;
  view.scale = scale;
  keepInside();
  draw();
}

const zoomAtMiddle = (factor) => zoom(factor, view.x + panels.xy.canvas.width / view.scale / 2,
                                      view.y + panels.xy.canvas.height / view.scale / 2);

function fit() {
  Object.assign(view, { x: 0, y: 0, scale: view.whole });
  draw();
}

function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => go(cursor.index === total - 1 ? 0 : cursor.index + 1), PLAY_MS) : null;
  element("place").setAttribute("aria-live", on ? "off" : "polite"); // not every section read aloud
  element("play").textContent = on ? "Stop" : "Play";
  element("play").setAttribute("aria-pressed", String(on));
}

// Click goes there; drag moves; two fingers zoom.
function listen(name) {
  const canvas = panels[name].canvas;
  const fingers = new Map();
  let moved = 0;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = inWorld(name, event);
    zoom(Math.exp(-event.deltaY * 0.0015), name === "yz" ? cursor.x : x, name === "xz" ? cursor.y : y);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) moved = 0;
    fingers.set(event.pointerId, event);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    const other = [...fingers.values()].find((each) => each.pointerId !== event.pointerId);
    moved += Math.abs(dx) + Math.abs(dy);
    fingers.set(event.pointerId, event);
    if (other) {
      const far = (each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY) || 1;
      zoom(far(event) / far(before), ...inWorld("xy", other));
      return;
    }
    if (name !== "yz") view.x -= (dx * pixelRatio) / view.scale;
    if (name !== "xz") view.y -= (dy * pixelRatio) / view.scale;
    keepInside();
    draw();
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => {
      const single = fingers.size === 1;
      fingers.delete(event.pointerId);
      if (kind === "pointerup" && single && moved < 5) goTo(name, event);
    });
  }
}

function goTo(name, event) {
  const [across, down] = inWorld(name, event);
  if (name !== "yz") cursor.x = across;
  if (name !== "xz") cursor.y = down;
  if (name === "yz") cursor.index = indexAt(across);
  if (name === "xz") cursor.index = indexAt(down);
  if (name !== "xy") element("shown").value = "plane";
  draw();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target;
  if (at.matches("input:not([type=checkbox]):not([type=range]), select")) return;
  if (event.key === " " && at.matches("button, input")) return;
  const step = event.shiftKey ? 10 : 1;
  const keys = {
    ArrowRight: () => go(cursor.index + step), ArrowLeft: () => go(cursor.index - step),
    PageDown: () => go(cursor.index + 10), PageUp: () => go(cursor.index - 10),
    Home: () => go(0), End: () => go(total - 1),
    " ": () => total && play(!timer),
    "+": () => zoomAtMiddle(1.5), "=": () => zoomAtMiddle(1.5), "-": () => zoomAtMiddle(1 / 1.5),
    0: fit, s: () => element("skeleton").click(), S: () => element("skeleton").click(),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
}

// --- the page ---------------------------------------------------------------------------------

function lay() {
  const gap = 6;
  const side = total ? depthLength : 0;
  const wide = Math.max(220, element("viewer").clientWidth - 28 - gap);
  const tall = Math.max(260, window.innerHeight - 300);
  const whole = Math.min(wide / (width + side), tall / (height + side), 4); // in CSS pixels
  const sizes = { xy: [width, height], yz: [depthLength, height], xz: [width, depthLength] };
  for (const [name, [w, h]] of Object.entries(sizes)) {
    const canvas = element(name);
    canvas.style.width = `${w * whole}px`;
    canvas.style.height = `${h * whole}px`;
    canvas.width = Math.max(1, Math.round(w * whole * pixelRatio));
    canvas.height = Math.max(1, Math.round(h * whole * pixelRatio));
    panels[name] = { canvas, pen: canvas.getContext("2d"), width: w, height: h };
  }
  const zoomed = view.scale / view.whole;
  view.whole = whole * pixelRatio;
  view.scale = view.whole * zoomed;
  keepInside();
  drawGaps();
}

function drawGaps() {
  const canvas = element("gaps");
  const pen = canvas.getContext("2d");
  canvas.width = Math.max(1, canvas.clientWidth || 1);
  data.states.forEach((state, index) => {
    pen.fillStyle = state === "here" ? "#8fb0d6" : ABSENCE[state].line;
    const from = Math.floor((index / total) * canvas.width);
    const to = Math.max(from + 1, Math.floor(((index + 1) / total) * canvas.width));
    if (state === "here") pen.fillRect(from, 3, to - from, 4);
    else pen.fillRect(from, 0, Math.max(2, to - from), 10);
  });
}

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  element("shown").append(made);
}

function legendItem(colour, text, box) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = colour;
  label.append(...(box ? [box] : []), swatch, text);
  item.append(label);
  element("legend").append(item);
}

const shownTypes = () => Object.keys(data.skeleton.of).filter((type) => element(`type-${type}`).checked);

function makeLegend() {
  if (data.skeleton) {
    for (const type of Object.keys(data.skeleton.of)) {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.id = `type-${type}`;
      box.addEventListener("change", draw);
      legendItem(data.skeleton.colours[type], data.skeleton.names[type], box);
    }
  }
  for (const state of Object.keys(ABSENCE)) {
    const number = data.states.filter((each) => each === state).length;
    if (number) legendItem(ABSENCE[state].line, `${number} of ${total} sections: ${ABSENCE[state].text}`);
  }
}

function prepareSkeleton() {
  const tree = data.skeleton;
  const missing = !tree;
  element("skeleton").disabled = missing;
  element("skeleton").checked = !missing;
  element("near-label").hidden = missing || !total || data.z.unit !== "um";
  if (missing) return;
  tree.of = {};
  tree.type.forEach((type, node) => (tree.of[type] = tree.of[type] || []).push(node));
  if (tree.soma >= 0) {
    Object.assign(cursor, { x: tree.x[tree.soma], y: tree.y[tree.soma] });
    if (total) cursor.index = Math.min(total - 1, Math.max(0, Math.round(tree.z[tree.soma])));
  }
}

function startAt(hash) {
  const wanted = new URLSearchParams(hash.replace(/^#/, ""));
  const section = Number.parseInt(wanted.get("section"), 10);
  if (Number.isInteger(section)) cursor.index = Math.min(total - 1, Math.max(0, section - data.first));
  if (wanted.get("show")) element("shown").value = wanted.get("show");
  if (!element("shown").value) element("shown").selectedIndex = 0;
}

function start() {
  element("viewer").hidden = false;
  if (total) option("plane", "section");
  for (const each of data.projections) option(each.name, each.label);
  for (const id of ["panel-yz", "panel-xz", "depth"]) element(id).hidden = !total;
  for (const id of ["section", "number"]) {
    element(id).min = data.first;
    element(id).max = data.first + total - 1;
  }
  element("caption-yz").textContent = `yz, minimum ${data.stretch}`;
  element("caption-xz").textContent = `xz, minimum ${data.stretch}`;
  for (const name of ["yz", "xz"]) element(name).setAttribute("aria-label", `${name} view, minimum of all planes ${data.stretch}`);
  prepareSkeleton();
  makeLegend();
  startAt(window.location.hash);
  lay();
  view.scale = view.whole;
  for (const name of ["xy", "yz", "xz"]) listen(name);
  element("section").addEventListener("input", (event) => go(event.target.value - data.first));
  element("number").addEventListener("change", (event) => go(event.target.value - data.first));
  for (const id of ["shown", "skeleton", "near"]) element(id).addEventListener("input", draw);
  element("fit").addEventListener("click", fit);
  element("zoom-in").addEventListener("click", () => zoomAtMiddle(1.5));
  element("zoom-out").addEventListener("click", () => zoomAtMiddle(1 / 1.5));
  element("play").addEventListener("click", () => play(!timer));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", () => { lay(); draw(); });
  window.addEventListener("hashchange", () => { startAt(window.location.hash); draw(); });
  draw();
  document.documentElement.dataset.ready = "1";
}

start();
